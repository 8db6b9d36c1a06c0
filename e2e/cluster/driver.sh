# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced by e2e/run.sh: all that its tests may ask of a cluster. e2e/kind/driver.sh has
# the same words.
#
#   dir, top                          a folder for logs and notes; kpol's sources
#   manifests                         the folder of the kustomization that installs kpol
#   node1, node2                      names of two nodes
#   cluster_is_up, cluster_up [--kube-proxy MODE], cluster_down
#   cluster_up --cni ptp              not of kind's: another plugin's network and no kpol
#   load_image FILE                   an archive in $dir/images, onto all nodes
#   kubectl ARG...                    as administrator
#   with_kubeconfig CMD...            a program of this machine as administrator; it may call kubectl
#   on_node NODE CMD...               as root on that node; `probe` is on its PATH
#   outside CMD...                    on a machine beside the nodes that is none; with `probe` too
#   outside_addresses                 that machine's IPv4 and IPv6 address
#   outside_gains|outside_loses IPV4... further addresses, at which nodes find it
#   start_outside NAME CMD...         a server there, until end_outside NAME
#   part stop|start kube-apiserver|NODE    a crash, and what follows it

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
outside_addresses() { echo "$control_plane_v4 $control_plane_v6"; }
start_outside() { on_control_plane "$1" env "PATH=$dir/images:$PATH" "${@:2}"; }
end_outside() { end_part "$1"; }
outside_gains() { for address in "$@"; do outside ip addr add "$address/32" dev lo; done; }
outside_loses() { for address in "$@"; do outside ip addr del "$address/32" dev lo; done; }
