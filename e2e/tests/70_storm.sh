# shellcheck shell=bash
# shellcheck disable=SC2154
# 100 pods are created and deleted, twice; nothing of them is left.

# Prints everything that a pod may leave on NODE.
left_on() {
  local status
  status=$(kpolctl_on status "$1")
  echo "node $1"
  echo "links $(on_node "$1" ip -o link show type veth | wc -l)"
  echo "namespaces $(on_node "$1" ls /run/netns | wc -l)"
  echo "routes $(on_node "$1" ip -4 route | wc -l) $(on_node "$1" ip -6 route | wc -l)"
  echo "elements $(on_node "$1" nft -j list table inet kpol | grep -o '"elem"' | wc -l)"
  grep -E '^(Objects|Attachments|Table)' <<<"$status"
  kpolctl_on show ips "$1"
}
left() { each_node left_on; }
make_storm() {
  namespace e2e-storm
  cat <<END | kubectl -n e2e-storm apply -f - >/dev/null
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: among-themselves}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {matchLabels: {app: storm}}}], ports: [{port: 8080}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: storm}}}]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: storm}
spec:
  replicas: 0
  selector: {matchLabels: {app: storm}}
  template:
    metadata: {labels: {app: storm}}
    spec:
      terminationGracePeriodSeconds: 1
      automountServiceAccountToken: false
      containers: [{name: c, image: "registry.local/test:1", imagePullPolicy: Never}]
END
  # The first pod of a node creates things that stay; create them before.
  { pod e2e-storm/first "$node1" '{}' && pod e2e-storm/second "$node2" '{}'; } | apply e2e-storm
  kubectl -n e2e-storm delete pods --all --wait >/dev/null
  settled
  sleep 2
  left >"$dir/left-before"
}
storm() {
  kubectl -n e2e-storm scale deployment storm --replicas=100 >/dev/null
  kubectl -n e2e-storm rollout status deployment/storm --timeout=120s
  equals "$(kubectl -n e2e-storm get pods -o 'jsonpath={range .items[*]}{.status.podIPs[*].ip}{"\n"}{end}' | tr ' ' '\n' | sort -u | wc -l)" 200
  kubectl -n e2e-storm scale deployment storm --replicas=0 >/dev/null
  kubectl -n e2e-storm wait --for=delete pods --all --timeout=120s
}
nothing_is_left() { diff "$dir/left-before" <(left); }

check "storm: state before" make_storm
check "storm: 100 pods are created and deleted" storm
check "storm: 100 pods are created and deleted again" storm
check "storm: nothing is left" eventually 60 nothing_is_left
check "storm: delete the test objects" forget
