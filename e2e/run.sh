#!/usr/bin/env bash
# Tests kpol in a real cluster. The last line says how many checks passed and failed.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<END
e2e/run.sh [--kind] [--keep] [TEST...]

Starts a cluster of two nodes, installs kpol by its manifests, and runs the tests (default: all, and
services again with kube-proxy's other mode):
$(for file in e2e/tests/[0-9]*.sh; do echo "  $(name_of "$file")  $(sed -n '3s/^# //p' "$file")"; done)
  --kind   a cluster of kind's, with Docker; otherwise one of e2e/cluster
  --keep   do not end the cluster; also use one that runs already
END
}
name_of() { basename "$1" .sh | cut -d_ -f2; }

keep=false driver=cluster folder=/var/tmp/kpol-e2e tests=()
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=true ;;
    --kind) driver=kind folder=/var/tmp/kpol-e2e-kind ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) tests+=("$1") ;;
  esac
  shift
done

export KPOL_CLUSTER=${KPOL_CLUSTER:-$folder}
# shellcheck source=e2e/cluster/driver.sh
. "e2e/$driver/driver.sh"
# shellcheck source=e2e/tests/lib.sh
. e2e/tests/lib.sh

is_wanted() { [ ${#tests[@]} = 0 ] || [[ " ${tests[*]} " == *" $1 "* ]]; }
run_tests() {
  local file name
  for file in e2e/tests/[0-9]*.sh; do
    name=$(name_of "$file")
    is_wanted "$name" || continue
    say "$name"
    forget
    # shellcheck disable=SC1090
    . "$file"
  done
}
start() {
  $keep || { cluster_down && trap cluster_down EXIT; }
  cluster_is_up || cluster_up "$@"
}

start
run_tests
if ! $keep && [ ${#tests[@]} = 0 ]; then
  tests=(services) suite="iptables mode, "
  start --kube-proxy iptables
  run_tests
fi
$keep || { trap - EXIT && cluster_down; }
say "$((SECONDS / 60)) min $((SECONDS % 60)) s; logs are in $dir/log"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
