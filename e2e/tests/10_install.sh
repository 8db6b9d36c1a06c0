# shellcheck shell=bash
# shellcheck disable=SC2154
# The cluster after kpol was installed from its manifests.

config_names_all_families() {
  local config cidr
  config=$(on_node "$1" cat /etc/cni/net.d/10-kpol.conflist)
  for cidr in $(kubectl get node "$1" -o 'jsonpath={.spec.podCIDRs[*]}'); do
    grep -q "\"$cidr\"" <<<"$config" || fail "$1 lacks $cidr: $config"
  done
}
may() { kubectl auth can-i --as=system:serviceaccount:kube-system:kpol --all-namespaces -q "$@"; }
rights_are_least() {
  local verb resource
  for resource in pods namespaces nodes networkpolicies.networking.k8s.io; do
    for verb in get list watch; do may $verb $resource || fail "may not $verb $resource"; done
    for verb in create update patch delete; do
      ! may $verb $resource || fail "may $verb $resource, but does not need to"
    done
  done
  for resource in secrets configmaps serviceaccounts daemonsets.apps; do
    for verb in get list create; do
      ! may $verb $resource || fail "may $verb $resource, but does not need to"
    done
  done
  ! may create pods --subresource=exec || fail "may exec in pods, but does not need to"
}

check "install: nodes are Ready" nodes_are_ready
check "install: kpold is in sync on every node" every_node_is_in_sync
check "install: the network config has all pod CIDRs" each_node config_names_all_families
if [ "$families" = dual ]; then
  check "install: kpold has only the RBAC rights that it needs" rights_are_least
else
  skip "install: kpold's RBAC rights" "they do not depend on the families"
fi
