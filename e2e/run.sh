#!/usr/bin/env bash
# Tests kpol in a real cluster. The last line has the numbers of passed and failed checks.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<END
e2e/run.sh [--kind] [--keep] [--families dual|ipv4|ipv6] [TEST...]

Starts a cluster of two nodes, installs kpol from its manifests, and runs the tests (default: all, and
services again with kube-proxy's other mode). chained has its own cluster with another network plugin,
and does not run in kind.
$(for file in e2e/tests/[0-9]*.sh; do echo "  $(name_of "$file")  $(sed -n '3s/^# //p' "$file")"; done)
  --kind   use a kind cluster (needs Docker); the default is e2e/cluster
  --families ipv4|ipv6
           a cluster with one family (not with --kind); tests that need both are skipped
  --keep   keep the cluster running; also use a cluster that already runs
END
}
# cluster_of FILE: the arguments for the test's cluster, or nothing for the default.
cluster_of() { sed -n '4s/^# Cluster: //p' "$1"; }
# needs_dual FILE: why the test needs both families, or nothing.
needs_dual() { sed -n '4s/^# Families: dual, //p' "$1"; }
name_of() { basename "$1" .sh | cut -d_ -f2; }

keep=false wanted_families=dual driver=cluster folder=/var/tmp/kpol-e2e tests=()
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=true ;;
    --families) wanted_families=${2:-} && shift ;;
    --kind) driver=kind folder=/var/tmp/kpol-e2e-kind ;;
    -h | --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) compgen -G "e2e/tests/*_$1.sh" >/dev/null || { usage >&2 && exit 2; } && tests+=("$1") ;;
  esac
  shift
done

export KPOL_CLUSTER=${KPOL_CLUSTER:-$folder}
# shellcheck source=e2e/cluster/driver.sh
. "e2e/$driver/driver.sh"
# shellcheck source=e2e/tests/lib.sh
. e2e/tests/lib.sh

family_arguments=()
if [ $driver = cluster ]; then
  family_arguments=(--families "$wanted_families")
  if $keep && cluster_is_up; then
    [ "$families" = "$wanted_families" ] || die "the running cluster's families are $families: add --families $families"
  fi
  use_families "$wanted_families"
elif [ "$wanted_families" != dual ]; then
  die "--families needs e2e/cluster, not --kind"
fi

# wanted [ARG...]: the selected tests for a cluster that is started with these arguments.
wanted() {
  local file
  for file in e2e/tests/[0-9]*.sh; do
    if [ ${#tests[@]} = 0 ] || [[ " ${tests[*]} " == *" $(name_of "$file") "* ]]; then
      [ "$(cluster_of "$file")" != "$*" ] || echo "$file"
    fi
  done
}
run_tests() {
  local file
  for file in "$@"; do
    say "$(name_of "$file")"
    if [ "$families" != dual ] && [ -n "$(needs_dual "$file")" ]; then
      skip "$(name_of "$file")" "$(needs_dual "$file")"
      continue
    fi
    forget
    : >"$dir/allowed"
    # shellcheck disable=SC1090
    . "$file"
  done
}
start() {
  $keep || { cluster_down && trap cluster_down EXIT; }
  cluster_is_up || cluster_up "$@" "${family_arguments[@]}"
}

mapfile -t files < <(wanted)
chained=()
[ $driver = kind ] || mapfile -t chained < <(wanted --cni ptp)
if [ ${#chained[@]} -gt 0 ] && [ "$families" != dual ]; then
  skip chained "the other plugin's network is set up for both families"
  chained=()
fi
if [ ${#files[@]} -gt 0 ]; then
  start
  run_tests "${files[@]}"
fi
if ! $keep && [ ${#tests[@]} = 0 ] && [ "$families" = dual ]; then
  start --kube-proxy iptables
  suite="iptables mode, " run_tests e2e/tests/*_services.sh
fi
if [ ${#chained[@]} -gt 0 ] && ! { $keep && [ ${#tests[@]} = 0 ]; }; then
  start --cni ptp
  run_tests "${chained[@]}"
fi
$keep || { trap - EXIT && cluster_down; }
say "$((SECONDS / 60)) min $((SECONDS % 60)) s; logs are in $dir/log"
[ "$skipped" = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
