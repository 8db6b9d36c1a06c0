# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced by the scripts of a kind cluster: paths and names.
#
# KPOL_CLUSTER is the folder of one cluster's files, and determines its name.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=e2e/lib/packages.sh
. "$here/../lib/packages.sh"
# shellcheck source=e2e/lib/cluster.sh
. "$here/../lib/cluster.sh"

dir=${KPOL_CLUSTER:-/var/tmp/kpol-kind}
cluster_name=$(basename "$dir")
logs="kind export logs --name $cluster_name"
manifests=$top/manifests/overlays/kind
families=dual

# The names that kind gives.
control_plane=$cluster_name-control-plane
node1=$cluster_name-worker node2=$cluster_name-worker2
machine_outside=$cluster_name-outside

kubectl() { command kubectl --kubeconfig "$dir/kubeconfig" "$@"; }
with_kubeconfig() { env "KUBECONFIG=$dir/kubeconfig" "$@"; }
kind() { "$(type -P kind || "$here/program/build.sh")" "$@"; }
