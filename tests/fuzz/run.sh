#!/usr/bin/env bash
# Builds the fuzzers with clang 19 and runs each: first the corpus kept in tests/fuzz/corpus, then new
# inputs for SECONDS. A finding ends the run and is left below build/fuzz/findings; make it a test
# of the reader and add it to the corpus.
#
#   tests/fuzz/run.sh [SECONDS] [NAME...]     10 seconds each, all
#   tests/fuzz/run.sh 600 journal             ten minutes of one
#   tests/fuzz/run.sh --merge                 what was found new goes into the corpus, if it is small
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

merge=
seconds=10
case ${1:-} in
  -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
  --merge) merge=yes && shift ;;
  [0-9]*) seconds=$1 && shift ;;
esac

ensure_packages build test fuzz
# What clang warns of beyond g++ is no error here.
KPOL_TESTS=ON KPOL_WERROR=OFF build fuzz kpol_fuzzers

names=("$@")
if [ ${#names[@]} = 0 ]; then
  for harness in tests/fuzz/*_fuzz.cpp; do
    harness=${harness##*/}
    names+=("${harness%_fuzz.cpp}")
  done
fi
mkdir -p build/fuzz/findings
for name in "${names[@]}"; do
  fuzzer=build/fuzz/tests/fuzz/kpol_fuzz_$name
  corpus=tests/fuzz/corpus/$name
  found=build/fuzz/tests/fuzz/found/$name
  mkdir -p "$found"
  if [ -n "$merge" ]; then
    "$fuzzer" -merge=1 -max_len=1024 "$corpus" "$found"
    continue
  fi
  say "$name for $seconds s"
  "$fuzzer" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$name-" "$found" "$corpus" 2>"$found.log" || {
    tail -40 "$found.log"
    die "$name: a finding (build/fuzz/findings)"
  }
  grep -E 'stat::number_of_executed_units|stat::peak_rss_mb' "$found.log" || true
done
