#!/usr/bin/env bash
# Builds the benchmarks (preset release) and runs them, as root; docs/benchmarks.md explains the
# figures. Arguments go to the programs of Google Benchmark: --benchmark_repetitions=5 …
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

ensure_packages build bench
KPOL_BENCH=ON build release bench_nft_commit bench_full_compile bench_cni_latency \
  bench_decode_list bench_engine_events bench_hostile bench_tighten
for program in bench_nft_commit bench_full_compile; do
  say "$program"
  "build/release/tests/bench/$program" "$@"
done
say bench_cni_latency
build/release/tests/bench/bench_cni_latency
say bench_engine_events
build/release/tests/bench/bench_engine_events
say bench_decode_list
build/release/tests/bench/bench_decode_list
say bench_hostile
build/release/tests/bench/bench_hostile
say bench_tighten
build/release/tests/bench/bench_tighten
build/release/tests/bench/bench_tighten --family 6
