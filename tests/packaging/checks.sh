# shellcheck shell=bash
# Sourced by the tests of released files: named checks, and their numbers at the end. The caller must set
# $scratch to a folder.
# shellcheck disable=SC2154

passed=0 failed=0
# check NAME CMD ARG...: runs CMD, and prints its output if it fails.
check() {
  local what=$1
  shift
  if "$@" >"$scratch/out" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $what"
  else
    failed=$((failed + 1))
    echo "FAIL  $what"
    sed 's/^/      /' "$scratch/out"
  fi
}
refuses() { ! "$@"; }

# Prints the last line, and sets the exit code of the test.
tell_count() {
  say "$1"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}
