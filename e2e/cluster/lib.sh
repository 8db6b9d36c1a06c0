# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced by the scripts of the test cluster: paths, names and addresses.
#
# KPOL_CLUSTER is the folder of one cluster; clusters in different folders are independent.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=e2e/lib/packages.sh
. "$here/../lib/packages.sh"
# shellcheck source=e2e/lib/cluster.sh
. "$here/../lib/cluster.sh"

dir=${KPOL_CLUSTER:-/var/tmp/kpol-cluster}
pki=$dir/pki
logs=$dir/log
manifests=$top/manifests/base
# The prefix of the cluster's network namespaces and cgroups.
prefix=kpe$(printf %s "$dir" | cksum | cut -c1-5)

control_plane_v4=10.90.0.1
control_plane_v6=fd90::1
kubernetes_service_v4=10.96.0.1
kubernetes_service_v6=fd00:10:96::1
node_v4() { echo "10.90.0.$((10 + $1))"; }
node_v6() { printf 'fd90::%x\n' $((0x10 + $1)); }

# of_families IPV4 IPV6: those of the cluster's families, comma-separated.
of_families() {
  case $families in
    ipv4) echo "$1" ;;
    ipv6) echo "$2" ;;
    *) echo "$1,$2" ;;
  esac
}
has_v4() { [ "$families" != ipv6 ]; }
has_v6() { [ "$families" != ipv4 ]; }
# use_families dual|ipv4|ipv6: sets everything that depends on it.
use_families() {
  case $1 in dual | ipv4 | ipv6) ;; *) die "the families must be dual, ipv4 or ipv6, not \"$1\"" ;; esac
  families=$1
  service_cidrs=$(of_families 10.96.0.0/16 fd00:10:96::/112)
  pod_cidrs=$(of_families 10.244.0.0/16 fd00:10:244::/56)
  if has_v4; then
    control_plane=$control_plane_v4 service_dns=10.96.0.10
  else
    control_plane=$control_plane_v6 service_dns=fd00:10:96::a
  fi
}
use_families "$(cat "$dir/families" 2>/dev/null || echo dual)"

start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
# A line "PID STARTTIME NAME" for each process that `down` kills. The start time distinguishes a process
# from a later one with the same PID.
record() { echo "$1 $(start_time "$1") $2" >>"$dir/processes"; }
is_running() { [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }

# pid_of NAME
pid_of() {
  local pid start name
  while read -r pid start name; do
    [ "$name" = "$1" ] && is_running "$pid" "$start" && echo "$pid" && return 0
  done <"$dir/processes"
  return 1
}

must_be_up() { [ -e "$dir/processes" ] || die "no cluster is running: start one with e2e/cluster/up"; }
# with_kubeconfig CMD...: runs CMD as the cluster's administrator, with kubectl on its PATH.
with_kubeconfig() {
  ip netns exec "$prefix-cp" env "PATH=$dir/bin:$PATH" "KUBECONFIG=$pki/admin.kubeconfig" "$@"
}
kubectl() { with_kubeconfig kubectl "$@"; }

# on_node nK CMD...: runs CMD in all namespaces of that node, with the probe on its PATH.
on_node() {
  local name=$1 outer inner
  shift
  outer=$(pid_of "node-$name") || die "there is no node $name; see e2e/cluster/status"
  read -r inner _ <"/proc/$outer/task/$outer/children" || true  # there is no newline
  nsenter -t "$inner" -m -n -p -u -i -C -- env "PATH=$dir/images:$PATH" "$@"
}
