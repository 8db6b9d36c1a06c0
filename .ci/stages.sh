# shellcheck shell=bash
# Sourced by .ci/run: runs its stages in order and reports what each of them cost.

stage_lines=() stages_passed=0
times=$(mktemp)
trap 'report_stages' EXIT
trap 'exit 130' INT TERM

# strictly COMMAND ARG...: with `set -e`, also in a function.
strictly() {
  (
    set -e
    "$@"
  )
}
# stage NAME COMMAND ARG...: ends the run if the command fails.
stage() {
  local name=$1 status wall user system outcome=''
  local TIMEFORMAT='%R %U %S'
  shift
  say "$name"
  set +e
  { time strictly "$@" 2>&3; } 3>&2 2>"$times"
  status=$?
  set -e
  read -r wall user system < <(tail -n 1 "$times")
  if [ $status = 0 ]; then stages_passed=$((stages_passed + 1)); else outcome=FAILED; fi
  stage_lines+=("$wall $user $system ${outcome:--} $name")
  [ $status = 0 ] || exit $status
}

# The table, the slowest tests and the count of stages, also when a stage has failed.
report_stages() {
  local status=$? failed=0
  [ $status = 0 ] || failed=1
  rm -f "$times"
  tests/slowest.py build/dev/results || true
  say "What each stage cost, in seconds; CPU time is that of its own processes"
  printf '%s\n' "${stage_lines[@]}" | awk '
    function line(name, wall, cpu, outcome) { printf "%-44s %8.1f %8.1f  %s\n", name, wall, cpu, outcome }
    BEGIN { printf "%-44s %8s %8s\n", "stage", "wall", "CPU" }
    NF > 4 {
      wall = $1; cpu = $2 + $3; outcome = $4 == "-" ? "" : $4
      $1 = $2 = $3 = $4 = ""; sub(/^ +/, "")
      line($0, wall, cpu, outcome)
      all_wall += wall; all_cpu += cpu
    }
    END { line("total", all_wall, all_cpu, "") }'
  say "Stages of continuous integration"
  echo "$stages_passed passed, $failed failed"
}
