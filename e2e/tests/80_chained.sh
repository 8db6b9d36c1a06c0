# shellcheck shell=bash
# shellcheck disable=SC2154
# kpol chained after another network plugin (overlay policy-only), then removed from the chain.
# Cluster: --cni ptp

# networks NODE: prints the network config, which is the other plugin's file.
networks() { on_node "$1" sh -c 'cat /etc/cni/net.d/*.conflist'; }
remember_networks() {
  networks "$1" >"$dir/network-$1"
  ! grep -q kpol "$dir/network-$1" || fail "$1: $(cat "$dir/network-$1")"
}
# make NAME...: creates pods with readiness probes.
make() {
  local name probe='readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}'
  for name in "$@"; do
    case $name in
      web) pod e2e-app/web "$node1" '{tier: web}' "$probe" ;;
      api) pod e2e-app/api "$node2" '{tier: api}' "$probe" ;;
      db) pod e2e-app/db "$node1" '{tier: db}' "command: [probe, serve, tcp/5432, tcp/8080], $probe" ;;
      visitor) pod e2e-app-visitors/visitor "$node2" '{}' ;;
    esac
  done | kubectl apply -f - >/dev/null
  ready e2e-app
  ready e2e-app-visitors
}
make_app() {
  each_node remember_networks
  namespace e2e-app
  namespace e2e-app-visitors
  kubectl -n e2e-app apply -f - >/dev/null <<END
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {ipFamilyPolicy: RequireDualStack, selector: {tier: api}, ports: [{port: 80, targetPort: 8080}]}
END
  make web api db visitor
  eventually 15 all_is_open
}
all_is_open() {
  expect <<END
e2e-app/web e2e-app/db tcp/8080 allowed
e2e-app/web e2e-app/api tcp/8080 allowed
e2e-app/web service:e2e-app/api tcp/80 allowed
e2e-app/api e2e-app/db tcp/5432 allowed
e2e-app-visitors/visitor e2e-app/db tcp/5432 allowed
e2e-app-visitors/visitor service:e2e-app/api tcp/80 allowed
node:$node1 e2e-app/web tcp/8080 allowed
END
}
install_policy_only() {
  kpol_image
  load_image "$dir/images/kpol.tar"
  kubectl apply -k "$top/manifests/overlays/policy-only" >/dev/null
  rolled_out
  each_node other_network_is_untouched
  all_is_open
}
other_network_is_untouched() {
  diff "$dir/network-$1" <(networks "$1")
  equals "$(on_node "$1" ip route show proto 107; on_node "$1" ip -6 route show proto 107)" ""
}
# Appends the entry of docs/install.md to the plugin list, and replaces the file as an editor does.
entry=$(sed -n '/^```json$/{n;/{"type": "kpol", "stateDir"/p}' "$top/docs/install.md")
chain_kpol() {
  on_node "$1" sh -c "sed -i -z 's|] *} *\n*\$|,\n $entry]}\n|' /etc/cni/net.d/*.conflist"
  networks "$1" | grep '"kpol"' >/dev/null || fail "$(networks "$1")"
}
unchain_kpol() {
  on_node "$1" sh -c "sed -i -z 's|,\n $entry||' /etc/cni/net.d/*.conflist"
  diff "$dir/network-$1" <(networks "$1")
}
restart_app() {
  kubectl delete pods --all --namespace e2e-app --wait >/dev/null &
  kubectl delete pods --all --namespace e2e-app-visitors --wait >/dev/null
  wait
  make web api db visitor
}
example() { kubectl -n e2e-app apply -f "$top/manifests/examples/$1.yaml" >/dev/null; }
# Pods that start under a default-deny pass their readiness probes.
default_deny() {
  each_node chain_kpol
  example default-deny
  restart_app
  settled
  expect <<END
e2e-app/web e2e-app/db tcp/8080 denied
e2e-app/web e2e-app/api tcp/8080 denied
e2e-app/web service:e2e-app/api tcp/80 denied
e2e-app-visitors/visitor e2e-app/api tcp/8080 denied
e2e-app-visitors/visitor e2e-app/web tcp/8080 denied
e2e-app-visitors/visitor service:e2e-app/api tcp/80 denied
node:$node1 e2e-app/web tcp/8080 allowed
node:$node2 e2e-app/web tcp/8080 denied
END
}
three_tiers() {
  kubectl -n e2e-app delete networkpolicy default-deny >/dev/null
  settled
  eventually 15 all_is_open
  example three-tier
  settled
  expect <<END
e2e-app-visitors/visitor e2e-app/web tcp/8080 allowed
e2e-app-visitors/visitor service:e2e-app/api tcp/80 denied
e2e-app/web e2e-app/api tcp/8080 allowed
e2e-app/web service:e2e-app/api tcp/80 allowed
e2e-app/web e2e-app/db tcp/5432 denied
e2e-app/api e2e-app/db tcp/5432 allowed
e2e-app/api e2e-app/db tcp/8080 denied
e2e-app/db e2e-app/web tcp/8080 denied
END
}
# Remove kpol from the list first, so that no pod waits for it.
uninstall_policy_only() {
  each_node unchain_kpol
  take_kpol_away "$top/manifests/overlays/policy-only"
  expect <<<"e2e-app/web e2e-app/db tcp/5432 denied"
  clean_up
  each_node nothing_is_left_on
  each_node other_network_is_untouched
  all_is_open
}
new_pods_start() {
  restart_app
  eventually 15 all_is_open
}

check "chained: pods of another plugin" make_app
check "chained: installing kpol changes nothing" install_policy_only
check "chained: kpol is added to the list, pods are recreated under a default-deny" default_deny
check "chained: three tiers" three_tiers
check "chained: kpol is removed, the other plugin's network stays" uninstall_policy_only
check "chained: pods are deleted and created without kpol" new_pods_start
