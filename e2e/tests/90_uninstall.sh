# shellcheck shell=bash
# shellcheck disable=SC2154
# kpol goes and leaves nothing on the nodes.

take_away() {
  kubectl delete -k "$manifests" --wait --timeout=60s >/dev/null
  kubectl -n kube-system wait --for=delete pods -l app.kubernetes.io/name=kpol --timeout=60s
}
# The table outlives its agent on purpose.
policy_stays() { on_node "$1" nft list table inet kpol >/dev/null; }
clean_up() {
  kubectl apply -k "$top/manifests/uninstall" >/dev/null
  kubectl -n kube-system rollout status daemonset/kpol-cleanup --timeout=60s
  kubectl delete -k "$top/manifests/uninstall" --wait --timeout=60s >/dev/null
}

check "uninstall: the DaemonSet goes" take_away
check "uninstall: until the clean-up the policy stays" each_node policy_stays
check "uninstall: kpold --cleanup on every node" clean_up
check "uninstall: nothing is left" each_node nothing_is_left_on
