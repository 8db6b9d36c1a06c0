#!/usr/bin/env bash
# Measures kpol in a real cluster of its own, as root, and takes the cluster down again;
# docs/benchmarks.md explains the figures. `--help` lists the arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

ensure_packages cluster bench
exec python3 -B tests/bench/cluster/main.py "$@"
