#!/usr/bin/env bash
# Measures the cost of building kpol in a new folder, without the compiler cache. Prints a table for each
# preset, by room: CPU seconds, and the sum of the wall seconds of its commands.
#
#   tests/bench/build.sh [--jobs N] [PRESET...]     presets release and dev; as many jobs as processors
#
# Preset release builds only the released programs, every other preset everything. Takes minutes.
set -euo pipefail

# Used as CMake's launcher: runs a compiler or linker command, and records its cost and its output.
if [ "${1:-}" = --timed ]; then
  shift
  output='' before=''
  for word in "$@"; do
    [ "$before" != -o ] || output=$word
    before=$word
  done
  TIMEFORMAT="%U %S %R $output"
  { time "$@" 2>&3; } 3>&2 2>>"$KPOL_BUILD_TIMES"
  exit
fi

cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

jobs=$(nproc) presets=()
while [ $# -gt 0 ]; do
  case $1 in
    --jobs) jobs=${2:?--jobs needs a number} && shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    -*) die "unknown argument $1 (see --help)" ;;
    *) presets+=("$1") ;;
  esac
  shift
done
[ ${#presets[@]} -gt 0 ] || presets=(release dev)

ensure_packages build test
packaging/libmnl.sh >/dev/null
mkdir -p build
scratch=$(mktemp -d "$PWD/build/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export CCACHE_DISABLE=1 KPOL_BUILD_TIMES=$scratch/times

# measure PRESET: sets $took to the seconds of the whole build.
measure() {
  local timed targets=(all) tests=ON since
  timed="$PWD/tests/bench/build.sh;--timed"
  [ "$1" != release ] || { targets=("${programs[@]}") && tests=OFF; }
  cmake --preset "$1" -B "$scratch/$1" -DKPOL_TESTS=$tests -DCMAKE_COMPILE_WARNING_AS_ERROR=OFF \
    "-DCMAKE_CXX_COMPILER_LAUNCHER=$timed" "-DCMAKE_CXX_LINKER_LAUNCHER=$timed" \
    >"$scratch/log" 2>&1 || { cat "$scratch/log" && die "cmake failed"; }
  : >"$KPOL_BUILD_TIMES"
  since=$SECONDS
  cmake --build "$scratch/$1" -j "$jobs" -- "${targets[@]}" >"$scratch/log" 2>&1 ||
    { tail -n 40 "$scratch/log" && die "the build failed"; }
  took=$((SECONDS - since))
}

# table PRESET: prints the costs by output folder, and those of tests by room.
table() {
  printf '\n| %s | commands | CPU s | wall s |\n|---|--:|--:|--:|\n' "$1"
  awk '
    {
      split($4, part, "/")
      room = part[1] == "tests" ? "tests/" part[2] : part[1]
      kind = $4 ~ /\.gch$/ ? " (precompiled headers)" : $4 ~ /\.o$/ ? "" : " (linking)"
      name = kind == " (linking)" ? "linking" : room kind
      count[name]++; cpu[name] += $1 + $2; wall[name] += $3
    }
    END { for (name in count) print cpu[name] "\t" name "\t" count[name] "\t" wall[name] }' \
    "$KPOL_BUILD_TIMES" | sort -rn | awk -F '\t' -v took="$took" -v jobs="$jobs" '
    { printf "| %s | %d | %.1f | %.1f |\n", $2, $3, $1, $4; cpu += $1; count += $3 }
    END { printf "| **total**, %d jobs | %d | %.1f | %d |\n", jobs, count, cpu, took }'
}

for preset in "${presets[@]}"; do
  say "Building (preset $preset)"
  measure "$preset"
  table "$preset"
  rm -rf "${scratch:?}/$preset"
done
