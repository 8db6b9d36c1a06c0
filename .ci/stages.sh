# shellcheck shell=bash
# Sourced by .ci/run: runs its stages in order, some of them in the background, and reports the cost of
# each.

stage_lines=() stages_passed=0 beside_names=() beside_pids=()
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
  local files=$stage_files/beside-${#beside_pids[@]}
  say "$1: beside the next stages, output is printed later"
  set -m # in its own process group, so that all its processes can be stopped
  timed "$files" "${@:2}" >"$files.output" 2>&1 </dev/null &
  beside_pids+=($!)
  beside_names+=("$1 (beside others)")
  set +m
}
# join: waits for all background stages, in the order in which they were started.
join() {
  local files
  for i in "${!beside_pids[@]}"; do
    files=$stage_files/beside-$i
    say "${beside_names[i]}"
    tail -n +1 -f --pid "${beside_pids[i]}" "$files.output"
    wait "${beside_pids[i]}" || true
    unset "beside_pids[i]"
    finish_stage "${beside_names[i]}" "$files"
  done
}
# stop_beside: stops the background stages that still run.
stop_beside() {
  local pid
  for pid in "${beside_pids[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
  for i in "${!beside_pids[@]}"; do
    say "Stopped: ${beside_names[i]}; the end of its output"
    # It cleans up before it exits.
    for _ in {1..60}; do
      kill -0 -- "-${beside_pids[i]}" 2>/dev/null || break
      sleep 1
    done
    tail -n 40 "$stage_files/beside-$i.output"
    stage_lines+=("0 0 0 stopped ${beside_names[i]}")
  done
}

# Prints the table, the slowest tests and the number of stages, also if a stage has failed.
report_stages() {
  local status=$? failed=0
  [ $status = 0 ] || failed=1
  stop_beside
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
