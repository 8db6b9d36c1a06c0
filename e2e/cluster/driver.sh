# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced by e2e/run.sh: all functions and variables of a cluster that tests may use.
# e2e/kind/driver.sh has the same.
#
#   dir, top                          a folder for logs and notes; kpol's sources
#   manifests                         the folder of the kustomization that installs kpol
#   node1, node2                      names of two nodes
#   cluster_is_up, cluster_up [--kube-proxy MODE], cluster_down
#   cluster_up --cni ptp              not with kind: another network plugin, without kpol
#   load_image FILE                   loads an archive in $dir/images on all nodes
#   kubectl ARG...                    as administrator
#   with_kubeconfig CMD...            runs a program on this machine as administrator; it may call kubectl
#   on_node NODE CMD...               as root on that node; `probe` is on its PATH
#   outside CMD...                    on a machine that is not a node; `probe` is on its PATH
#   families                          dual, ipv4 or ipv6: those of the cluster
#   outside_addresses                 that machine's addresses, IPv4 first
#   outside_gains|outside_loses IPV4... adds or deletes further addresses, and the nodes' routes to them
#   start_outside NAME CMD...         starts a server there; end_outside NAME stops it
#   part stop|start kube-apiserver|NODE    kills it, and starts it again

# shellcheck source=e2e/cluster/parts.sh
. "$(dirname "${BASH_SOURCE[0]}")/parts.sh"

node1=n1 node2=n2

cluster_is_up() { [ -e "$dir/processes" ]; }
cluster_up() { "$here/up" 2 "$@"; }
cluster_down() { "$here/down"; }
load_image() {
  local node
  for node in "$node1" "$node2"; do on_node "$node" ctr -n k8s.io images import "$1" >/dev/null; done
}
part() { "$here/part" "$@"; }

# The control plane has a network namespace and no kubelet.
outside() { ip netns exec "$prefix-cp" env "PATH=$dir/images:$PATH" "$@"; }
outside_addresses() { of_families "$control_plane_v4" "$control_plane_v6" | tr , ' '; }
start_outside() { on_control_plane "$1" env "PATH=$dir/images:$PATH" "${@:2}"; }
end_outside() { end_part "$1"; }
outside_gains() { for address in "$@"; do outside ip addr add "$address/32" dev lo; done; }
outside_loses() { for address in "$@"; do outside ip addr del "$address/32" dev lo; done; }
