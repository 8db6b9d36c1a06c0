# shellcheck shell=bash
# shellcheck disable=SC2154
# kubectl kpol with a real kubectl.

asks_the_node() {
  local node
  for node in "$node1" "$node2"; do
    ends 0 "\"node\": \"$node\"" kubectl_kpol --node "$node" status -o json
  done
  ends 0 'ready, in sync' kubectl_kpol status
  ends 1 'no kpol runs on node nowhere in namespace kube-system' kubectl_kpol --node nowhere status
  ends 1 'no kpol runs in namespace default' kubectl_kpol --namespace default status
}
says_how() {
  local usage
  usage=$(on_kpold "$node1" kpolctl --help)
  equals "$(kubectl_kpol --help)" "$usage"
  equals "$(kubectl_kpol help)" "$usage"
  equals "$(kubectl_kpol --node "$node2" --help)" "$usage"
  ends 2 '--node needs a value' kubectl_kpol --node
}

check "kubectl kpol: queries the kpold of a given node, or of any" asks_the_node
check "kubectl kpol: help" says_how
