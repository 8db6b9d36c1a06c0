#!/usr/bin/env bash
# Builds the fuzzers with clang 19 and runs each: first the corpus kept in tests/fuzz/corpus, then new
# inputs for SECONDS. A finding stops the run and is stored below build/fuzz/findings; write a test
# for it and add it to the corpus.
#
#   tests/fuzz/run.sh [SECONDS] [NAME...]     10 seconds each; default: all; the same inputs each time
#   tests/fuzz/run.sh --fresh 600 journal     ten minutes of one fuzzer, with a new random seed
#   tests/fuzz/run.sh --merge                 add small new inputs that reach new code to the corpus
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

merge='' seconds=10 seed=1 names=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --merge) merge=yes ;;
    --fresh) seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ') ;;
    [0-9]*) seconds=$1 ;;
    -*) die "unknown argument $1 (see --help)" ;;
    *) names+=("$1") ;;
  esac
  shift
done

ensure_packages build test fuzz
# Warnings that clang has and g++ does not are not errors here.
KPOL_TESTS=ON KPOL_WERROR=OFF build fuzz kpol_fuzz kpol_fuzz_control

if [ ${#names[@]} = 0 ]; then
  for harness in tests/fuzz/*_fuzz.cpp; do
    harness=${harness##*/}
    names+=("${harness%_fuzz.cpp}")
  done
fi
mkdir -p build/fuzz/findings
# fuzz NAME
fuzz() {
  local fuzzer=build/fuzz/tests/fuzz/kpol_fuzz corpus=tests/fuzz/corpus/$1
  local -x KPOL_HARNESS=$1
  [ "$1" != http_answer ] || fuzzer+=_control
  local found=build/fuzz/tests/fuzz/found/$1
  mkdir -p "$found"
  if [ -n "$merge" ]; then
    "$fuzzer" -merge=1 -max_len=1024 "$corpus" "$found"
    return
  fi
  "$fuzzer" -seed="$seed" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$1-" "$found" "$corpus" 2>"$found.log" || {
    tail -40 "$found.log"
    die "$1 found an error; the input is in build/fuzz/findings"
  }
  awk -v name="$1" '/stat::number_of_executed_units/ { units = $2 } /stat::peak_rss_mb/ { memory = $2 }
    END { printf "    %-16s %9d inputs, %4d MiB\n", name, units, memory }' "$found.log"
}
# One fuzzer per processor at a time; exit code 255 stops xargs.
say "${#names[@]} fuzzers, $([ -n "$merge" ] && echo merging || echo "$seconds s each, seed $seed")"
export merge seconds seed
export -f fuzz die
printf '%s\n' "${names[@]}" |
  xargs -P "$(nproc)" -I NAME bash -euo pipefail -c '(fuzz NAME) || exit 255'
