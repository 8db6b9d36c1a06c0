#!/usr/bin/env bash
# Starts a cluster, measures kpol in it, and stops it; needs root. docs/benchmarks.md explains the
# figures. `--help` lists the arguments.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

ensure_packages cluster bench
exec python3 -B tests/bench/cluster/main.py "$@"
