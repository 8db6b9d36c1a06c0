# shellcheck shell=bash
# shellcheck disable=SC2154
# Pods get addresses of all families and reach each other, on the same and on different nodes.

make_network_pods() {
  namespace e2e-net
  { pod e2e-net/a "$node1" '{app: a}' && pod e2e-net/b "$node1" '{app: b}' && pod e2e-net/c "$node2" '{app: c}'; } |
    apply e2e-net
}
deployment_and_daemonset() {
  kubectl apply -n e2e-net -f - <<END
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: everywhere}
spec:
  selector: {matchLabels: {app: everywhere}}
  template:
    metadata: {labels: {app: everywhere}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "registry.local/test:1", imagePullPolicy: Never}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: several}
spec:
  replicas: 6
  selector: {matchLabels: {app: several}}
  template:
    metadata: {labels: {app: several}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: c, image: "registry.local/test:1", imagePullPolicy: Never}]
END
  kubectl -n e2e-net rollout status daemonset/everywhere --timeout=60s
  kubectl -n e2e-net rollout status deployment/several --timeout=60s
}
addresses_are_right() {
  local addresses count=2
  [ "$families" = dual ] || count=1
  addresses=$(kubectl -n e2e-net get pods -o 'jsonpath={range .items[*]}{.spec.nodeName}{range .status.podIPs[*]}{" "}{.ip}{end}{"\n"}{end}')
  equals "$(echo "$addresses" | awk "NF == $count + 1" | wc -l)" 11
  equals "$(echo "$addresses" | tr ' ' '\n' | grep -c '[.:]')" $((11 * count))
  equals "$(echo "$addresses" | tr ' ' '\n' | grep '[.:]' | sort -u | wc -l)" $((11 * count))
}
pods_reach_pods() {
  expect <<END
e2e-net/a e2e-net/b tcp/8080 allowed
e2e-net/a e2e-net/b udp/5353 allowed
e2e-net/a e2e-net/c tcp/8080 allowed
e2e-net/a e2e-net/c udp/5353 allowed
e2e-net/c e2e-net/a tcp/8080 allowed
e2e-net/c e2e-net/a udp/5353 allowed
e2e-net/a e2e-net/a tcp/8080 allowed
END
}
nodes_reach_pods() {
  expect <<END
node:$node1 e2e-net/a tcp/8080 allowed
node:$node1 e2e-net/c tcp/8080 allowed
node:$node2 e2e-net/a udp/5353 allowed
node:$node2 e2e-net/c tcp/8080 allowed
END
}
pods_reach_nodes() {
  expect <<END
e2e-net/a node:$node1 tcp/10256 allowed
e2e-net/a node:$node2 tcp/10256 allowed
e2e-net/c node:$node1 tcp/10256 allowed
END
}
true_addresses() {
  sees e2e-net/a e2e-net/b
  sees e2e-net/a e2e-net/c
  sees e2e-net/c e2e-net/a
}
masquerade() {
  trap 'end_outside server' EXIT
  start_outside server probe serve tcp/18080 udp/18080
  each_family has_address_of_node e2e-net/a "$node1" tcp
  each_family has_address_of_node e2e-net/a "$node1" udp
  each_family has_address_of_node e2e-net/c "$node2" tcp
}
# has_address_of_node POD NODE PROTOCOL v4_of|v6_of
has_address_of_node() {
  equals "$(answers "$1" "$3" "$("$4" outside)" 18080 | cut -d' ' -f2)" "$("$4" "node:$2")"
}

check "network: pods start on both nodes" make_network_pods
check "network: a DaemonSet and a Deployment start" deployment_and_daemonset
check "network: each pod has one unique address of each family" addresses_are_right
check "network: pods reach pods, on their node and on others" pods_reach_pods
check "network: nodes reach pods" nodes_reach_pods
check "network: pods reach nodes" pods_reach_nodes
check "network: pods see each other's pod addresses" true_addresses
check "network: traffic from pods to outside has the node's address" masquerade
