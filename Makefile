# Every command that people and CI run. `make demo` shows the product, `make test` proves it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
SEED ?= 1
CLUSTERS ?= 2000
CARGO := cargo
CONTROLPLANE := tests/controlplane/bin

.PHONY: help demo build test lint unit oracle bench bench-karpenter bench-operator fuzz clean

help: ## Say what each command does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

demo: ## See the whole chain on an example cluster
	@$(CARGO) build --release --quiet --bin plimsoll
	@target/release/plimsoll demo

build: ## The release binary
	$(CARGO) build --release --bin plimsoll

test: lint controlplane packages unit ## Everything: lints, unit and property tests, the oracle, a real control plane

lint: ## Formatting, clippy, and the rules between crates
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) run --quiet -p xtask -- rules

.PHONY: packages
packages: ## Install Debian's Prometheus and faketime where they are missing
	@{ command -v prometheus && command -v faketime; } >/dev/null || { apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus faketime; }

.PHONY: controlplane
controlplane: ## Build etcd, Kubernetes, KWOK, metrics-server, Karpenter and the scheduler oracle, once
	tests/controlplane/build.sh

unit: ## All Rust tests, those on the real control plane included; most of those wait, so four run at once
	RUST_TEST_THREADS=4 $(CARGO) test --workspace

oracle: ## Compare with kube-scheduler: make oracle SEED=7 CLUSTERS=5000
	tests/controlplane/build.sh oracle
	$(CARGO) run --release --quiet -p oracle-tests --bin oracle -- --seed $(SEED) --clusters $(CLUSTERS)

bench: ## Speed, memory, and how near plans are to the best
	tests/controlplane/build.sh oracle
	$(CARGO) build --release --quiet --bin plimsoll
	go build -C bench/karpenter -o $(CURDIR)/target/karpenter-scheduling .
	go build -C bench/vpa -o $(CURDIR)/target/vpa-recommender .
	$(CARGO) run --release --quiet -p bench

bench-karpenter: ## Beside a real Karpenter, which takes most of an hour
	tests/controlplane/build.sh
	$(CARGO) build --release --quiet --bin plimsoll
	$(CARGO) run --release --quiet -p bench -- karpenter

bench-operator: ## The operator beside a real control plane: memory, what it costs to wait, draining, the webhook
	tests/controlplane/build.sh
	$(CARGO) build --release --quiet --bin plimsoll
	for table in operator recorded drain webhook-speed; do \
		$(CARGO) run --release --quiet -p bench -- $$table || exit 1; done

fuzz: ## Fuzz the parsers for a minute each (installs cargo-fuzz and a nightly toolchain where they are missing)
	fuzz/run.sh 60

clean: ## Remove what was built
	$(CARGO) clean
	rm -rf $(CONTROLPLANE)
