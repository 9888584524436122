#!/usr/bin/env bash
# Fuzzes every target for as many seconds as the first argument says. Needs a nightly toolchain and cargo-fuzz
# (`cargo install cargo-fuzz`).
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
for target in dump_json dump_yaml quantity price_csv; do
    echo "== $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048
done
