#!/usr/bin/env bash
# Builds kpol with sanitizers and runs all tests: unit, kernel (in network namespaces of their own),
# property and lint. Installs missing packages with apt.
#
#   tests/run.sh [--preset dev|release|tsan] [--label unit|kernel|property|lint] [--filter REGEX]
#                [--fresh]      use a new random seed, which is printed, instead of the fixed one
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

preset=dev
ctest_args=()
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?--preset needs a name} && shift ;;
    --label) ctest_args+=(-L "${2:?--label needs a name}") && shift ;;
    --filter) ctest_args+=(-R "${2:?--filter needs a regular expression}") && shift ;;
    --fresh)
      KPOL_SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
      export KPOL_SEED
      say "Seed of the random tests: KPOL_SEED=$KPOL_SEED"
      ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) die "unknown argument $1 (see --help)" ;;
  esac
  shift
done

ensure_packages build test
build "$preset"

say "Testing"
# A kernel test that lacks privileges fails instead of being skipped.
export KPOL_REQUIRE_KERNEL=1
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# The results that tests/slowest.py reads.
results=$PWD/build/$preset/results
rm -rf "$results"
mkdir "$results"
# Kernel tests wait part of the time, for packets and for programs that start.
ctest --preset "$preset" -j"$(($(nproc) * 3 / 2))" --no-tests=error --output-junit "$results/ctest.xml" "${ctest_args[@]}"
