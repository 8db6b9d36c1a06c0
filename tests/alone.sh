#!/usr/bin/env bash
# Compiles each product file alone, without precompiled headers and unity batches, and measures its
# includes: a file must include what it uses, and few files include heavy headers.
#
#   tests/alone.sh [--sample N | FILE...]     default: all files, some minutes
#     --sample N    every N-th file, different ones each day, and those that the last three commits changed
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

# The size limit of a file with all its includes. tests/lint lists the files that may include the heavy
# libraries.
export most=3000000
export most_heavy=5500000
export heavy='^# [0-9]+ "[^"]*/(boost/asio|boost/beast|nlohmann|CLI|yaml-cpp|spdlog|fmt)/'

sample=0
files=()
while [ $# -gt 0 ]; do
  case $1 in
    --sample) sample=${2:?--sample needs a number} && shift ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --*) die "unknown argument $1 (see --help)" ;;
    *) files+=("$1") ;;
  esac
  shift
done

ensure_packages build test
say "Each file alone"
mkdir -p build
cmake --preset dev -B build/alone -DKPOL_UNITY=OFF -DKPOL_TESTS=OFF -DCMAKE_CXX_FLAGS= \
  >build/configure-alone.log 2>&1 || { cat build/configure-alone.log && die "cmake failed"; }

# alone FILE COMMAND PATH: prints one line with the result.
alone() {
  local file=$1 compile=$2 limit=$most text size
  text=$(mktemp)
  if ! bash -c "$compile -E $3" >"$text"; then
    echo "FAIL  $file: cannot be preprocessed"
  else
    size=$(stat -c %s "$text")
    ! grep -qE "$heavy" "$text" || limit=$most_heavy
    if [ "$size" -gt "$limit" ]; then
      echo "FAIL  $file: $size bytes with all its includes, more than the limit of $limit"
    elif ! bash -c "$compile -fpreprocessed -fsyntax-only -" >"$text.log" 2>&1 <"$text"; then
      echo "FAIL  $file: does not compile alone"
      sed 's/^/      /' "$text.log" | head -n 20
    else
      echo "ok    $file: $size bytes"
    fi
  fi
  rm -f "$text" "$text.log"
}
export -f alone

# Prints FILE, COMMAND and PATH of the files to compile, each terminated by a NUL.
chosen() {
  python3 - "$sample" "${files[@]}" <<'PYTHON'
import json, os, shlex, subprocess, sys, time
sample, wanted = int(sys.argv[1]), set(sys.argv[2:])
root = os.getcwd() + "/"
commands = {}
for entry in json.load(open("build/alone/compile_commands.json")):
    if entry["file"].startswith(root) and not entry["file"].startswith(root + "build/"):
        commands[entry["file"][len(root):]] = entry
names = sorted(commands)
unknown = wanted - set(names)
if unknown:
    sys.exit("no product file: " + ", ".join(sorted(unknown)))
if sample:
    log = subprocess.run(["git", "log", "-3", "--name-only", "--format="], capture_output=True, text=True)
    wanted = set(log.stdout.split()) & set(names)
    wanted |= set(names[int(time.time() / 86400) % sample :: sample])
for name in sorted(wanted or names):
    entry = commands[name]
    words = shlex.split(entry["command"])
    words = words[words.index("/usr/bin/c++") if "/usr/bin/c++" in words else 0 :]
    drop = {"-o": 2, "-c": 1}
    kept, skip = [], 0
    for word in words:
        if skip:
            skip -= 1
        elif word in drop:
            skip = drop[word] - 1
        elif os.path.abspath(os.path.join(entry["directory"], word)) != entry["file"]:
            kept.append(word)
    preprocess = shlex.join(kept) + " -x c++"
    source = shlex.quote(entry["file"])
    sys.stdout.write(f"{name}\0{preprocess}\0{source}\0")
PYTHON
}

chosen >build/alone/chosen
[ -s build/alone/chosen ] || die "no file to compile"
# shellcheck disable=SC2016  # for the inner shell
xargs -0 -n 3 -P "$(nproc)" bash -c 'alone "$@"' _ <build/alone/chosen >build/alone/result
grep -v '^ok' build/alone/result || true
passed=$(grep -c '^ok' build/alone/result || true)
failed=$(grep -c '^FAIL' build/alone/result || true)
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
