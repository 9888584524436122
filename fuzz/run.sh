#!/usr/bin/env bash
# Fuzzes every target for as many seconds as the first argument says. Installs the nightly toolchain and cargo-fuzz where
# they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
cargo +nightly --version > /dev/null 2>&1 || rustup toolchain install nightly --profile minimal
cargo fuzz --version > /dev/null 2>&1 || cargo install cargo-fuzz --locked --version 0.13.2
for target in dump_json dump_yaml quantity price_csv; do
    echo "== $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048
done
