# shellcheck shell=bash
# Sourced by e2e/run.sh --kind: the functions of e2e/cluster/driver.sh, for a kind cluster.

# shellcheck source=e2e/kind/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cluster_is_up() { [ -e "$dir/kubeconfig" ]; }
cluster_up() { "$here/up" "$@"; }
cluster_down() { "$here/down"; }
load_image() { kind load image-archive "$1" --name "$cluster_name"; }

on_node() { docker exec "$@"; }

# A container in kind's network.
outside() { docker exec "$machine_outside" "$@"; }
outside_addresses() {
  docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}' \
    "$machine_outside"
}
# shellcheck disable=SC2016
start_outside() {
  docker exec --detach "$machine_outside" sh -c 'echo $$ >"/tmp/$1" && shift && exec "$@"' sh "$@"
}
end_outside() { outside sh -c "kill -KILL \$(cat /tmp/$1)"; }
# The nodes' default route leads to Docker's host, not to that machine.
outside_gains() {
  local address node via
  read -r via _ <<<"$(outside_addresses)"
  for address in "$@"; do
    outside ip addr add "$address/32" dev lo
    for node in "$node1" "$node2"; do on_node "$node" ip route replace "$address" via "$via"; done
  done
}
outside_loses() {
  local address node
  for address in "$@"; do
    outside ip addr del "$address/32" dev lo
    for node in "$node1" "$node2"; do on_node "$node" ip route del "$address"; done
  done
}

part() {
  case $* in
    'stop kube-apiserver')
      on_node "$control_plane" mv /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/
      wait_for 60 "the end of kube-apiserver" api_server_is_gone
      ;;
    'start kube-apiserver')
      on_node "$control_plane" mv /etc/kubernetes/kube-apiserver.yaml /etc/kubernetes/manifests/
      wait_for 90 "the API server" kubectl get --raw /readyz
      ;;
    "stop $node1" | "stop $node2") docker kill "$2" >/dev/null ;;
    "start $node1" | "start $node2") docker start "$2" >/dev/null ;;
    *) die "usage: part stop|start kube-apiserver|$node1|$node2" ;;
  esac
}
api_server_is_gone() { ! on_node "$control_plane" pgrep -x kube-apiserver; }
