# shellcheck shell=bash
# Sourced by .ci/run: runs its stages in order, one of them in the background, and reports the cost of
# each.

stage_lines=() stages_passed=0 beside_name='' beside_pid=''
stage_files=$(mktemp -d)
trap 'report_stages' EXIT
trap 'exit 130' INT TERM

# strictly COMMAND ARG...: with `set -e`, also in a function.
strictly() {
  (
    set -e
    "$@"
  )
}
# timed FILE COMMAND ARG...: writes the command's seconds and exit status to FILE.
timed() {
  local file=$1 status
  local TIMEFORMAT='%R %U %S'
  shift
  set +e
  { time strictly "$@" 2>&3; } 3>&2 2>"$file.time"
  status=$?
  set -e
  echo "$(tail -n 1 "$file.time") $status" >"$file"
}
# finish_stage NAME FILE: ends the run if the stage has failed.
finish_stage() {
  local wall user system status outcome=-
  read -r wall user system status <"$2"
  if [ "$status" = 0 ]; then stages_passed=$((stages_passed + 1)); else outcome=FAILED; fi
  stage_lines+=("$wall $user $system $outcome $1")
  [ "$status" = 0 ] || exit "$status"
}
# stage NAME COMMAND ARG...: ends the run if the command fails.
stage() {
  say "$1"
  timed "$stage_files/stage" "${@:2}"
  finish_stage "$1" "$stage_files/stage"
}
# beside NAME COMMAND ARG...: runs the command in the background until `join`, for one that mostly waits.
beside() {
  beside_name="$1 (beside others)"
  say "$beside_name: output is printed later"
  set -m # in its own process group, so that all its processes can be stopped
  timed "$stage_files/beside" "${@:2}" >"$stage_files/output" 2>&1 </dev/null &
  beside_pid=$!
  set +m
}
join() {
  say "$beside_name"
  tail -n +1 -f --pid "$beside_pid" "$stage_files/output"
  wait "$beside_pid" || true
  beside_pid=''
  finish_stage "$beside_name" "$stage_files/beside"
}

# Prints the table, the slowest tests and the number of stages, also if a stage has failed.
report_stages() {
  local status=$? failed=0
  [ $status = 0 ] || failed=1
  if [ -n "$beside_pid" ]; then
    say "Stopping: $beside_name"
    kill -TERM -- "-$beside_pid" || true
    # It cleans up before it exits.
    for _ in {1..60}; do
      kill -0 -- "-$beside_pid" 2>/dev/null || break
      sleep 1
    done
    stage_lines+=("0 0 0 stopped $beside_name")
  fi
  rm -rf "$stage_files"
  tests/slowest.py build/dev/results || true
  say "Cost of each stage in seconds; CPU time of its own processes"
  printf '%s\n' "${stage_lines[@]}" | awk -v seconds="$SECONDS" '
    function line(name, wall, cpu, outcome) { printf "%-44s %8.1f %8.1f  %s\n", name, wall, cpu, outcome }
    BEGIN { printf "%-44s %8s %8s\n", "stage", "wall", "CPU" }
    NF > 4 {
      wall = $1; cpu = $2 + $3; outcome = $4 == "-" ? "" : $4
      $1 = $2 = $3 = $4 = ""; sub(/^ +/, "")
      line($0, wall, cpu, outcome)
      all_cpu += cpu
    }
    END { line("total", seconds, all_cpu, "") }'
  say "Stages of continuous integration"
  echo "$stages_passed passed, $failed failed"
}
