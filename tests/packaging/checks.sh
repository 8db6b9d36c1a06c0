# shellcheck shell=bash
# Sourced by the tests of what is shipped: named checks, and their count at the end. Whoever sources it
# has a folder $scratch.
# shellcheck disable=SC2154

passed=0 failed=0
# check NAME CMD ARG...: what it printed is shown if it fails.
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

# The last line, and the exit code of the test.
tell_count() {
  say "$1"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
}
