# shellcheck shell=bash
# shellcheck disable=SC2154
# The Helm chart: install, upgrade, and uninstall with nothing left.

helm_tools=$("$top/tests/helm/build.sh") || true # if it fails, the checks fail
helm() {
  with_kubeconfig env HELM_{CACHE,CONFIG,DATA}_HOME="$dir/helm" "$helm_tools/helm" --namespace kube-system "$@"
}
chart=$top/packaging/helm/kpol

# The test uninstall leaves no kpol. If it did not run, delete the kpol of the manifests.
without_kpol() {
  kubectl delete -k "$manifests" --ignore-not-found --wait --timeout=60s
  kubectl -n kube-system wait --for=delete pods -l app.kubernetes.io/name=kpol --timeout=60s
}
installed() {
  helm install kpol "$chart" --set image.tag=dev
  rolled_out
  nodes_are_ready
}
has_network_config() { on_node "$1" test -s /etc/cni/net.d/10-kpol.conflist; }

uses_vxlan() { on_node "$1" ip route show proto 107 | grep 'dev vxlan.kpol' >/dev/null; }
uses_no_vxlan() { on_node "$1" ip route show proto 107 | grep . >/dev/null && ! uses_vxlan "$1"; }
changed() {
  each_node eventually 20 uses_no_vxlan
  helm upgrade kpol "$chart" --reset-then-reuse-values --set config.routing=vxlan
  rolled_out
  each_node eventually 20 uses_vxlan
}
is_there() { ! nothing_is_left_on "$1"; }
cleaned() {
  each_node is_there
  helm upgrade kpol "$chart" --reset-then-reuse-values --set uninstall=true
  rolled_out
}
objects_of_kpol() {
  kubectl -n kube-system get daemonsets,pods,configmaps,serviceaccounts,clusterroles,clusterrolebindings \
    -l app.kubernetes.io/name=kpol -o name
}
released() {
  helm uninstall kpol --wait
  eventually 30 has_no_objects
}
has_no_objects() { equals "$(objects_of_kpol)" ""; }

check "helm: a cluster without kpol" without_kpol
check "helm: nodes are Ready after install" installed
check "helm: kpold is in sync on every node" every_node_is_in_sync
check "helm: the network config exists" each_node eventually 20 has_network_config
check "helm: upgrade with another configuration" changed
check "helm: upgrade to the clean-up" cleaned
check "helm: nothing is left on the nodes" each_node nothing_is_left_on
check "helm: uninstall leaves no objects" released
check "helm: uninstall leaves nothing on the nodes" each_node nothing_is_left_on
