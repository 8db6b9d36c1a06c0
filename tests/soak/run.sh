#!/usr/bin/env bash
# Builds the preset release and starts and ends 10,000 pods under accidents (tests/soak/soak.cpp), as root, in
# namespaces of its own. Prints a line per 500 starts and ends.
#
#   tests/soak/run.sh [--minutes N] [--starts N] [--pods N] [--seed N]
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

case ${1:-} in -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0" && exit 0 ;; esac
ensure_packages build test bench
KPOL_BENCH=ON build release kpol_soak
exec build/release/tests/soak/kpol_soak "$@"
