# shellcheck shell=bash
# shellcheck disable=SC2154
# Services by kube-proxy, node ports and host ports. Runs with both modes of kube-proxy.

make_services() {
  namespace e2e-svc
  {
    pod e2e-svc/one "$node1" '{app: one}' 'ports: [{containerPort: 8080, hostPort: 18081}, {containerPort: 5353, hostPort: 18081, protocol: UDP}]'
    pod e2e-svc/two "$node2" '{app: two}'
    pod e2e-svc/client "$node1" '{app: client}'
    pod e2e-svc/far "$node2" '{app: client}'
    for name in one two; do
      cat <<END
---
apiVersion: v1
kind: Service
metadata: {namespace: e2e-svc, name: $name}
spec:
  type: NodePort
  ipFamilyPolicy: PreferDualStack
  selector: {app: $name}
  ports:
  - {name: web, port: 80, targetPort: 8080, nodePort: $([ $name = one ] && echo 30081 || echo 30082)}
  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}
END
    done
  } | apply e2e-svc
}
expect_table() { expect <<<"$1"; }
# kube-proxy needs some time.
services_are_reached() {
  local table
  table=$(for client in client far one; do
    for name in one two; do
      echo "e2e-svc/$client service:e2e-svc/$name tcp/80 allowed"
      echo "e2e-svc/$client service:e2e-svc/$name udp/53 allowed"
    done
  done)
  eventually 15 expect_table "$table"
}
node_ports_are_reached() {
  local table from port
  table=$(for from in outside e2e-svc/client node:$node1; do
    for port in 30081 30082; do
      echo "$from node:$node1 tcp/$port allowed"
      echo "$from node:$node2 tcp/$port allowed"
    done
  done)
  eventually 15 expect_table "$table"
}
host_ports_are_reached() {
  expect <<END
outside node:$node1 tcp/18081 allowed
outside node:$node1 udp/18081 allowed
outside node:$node2 tcp/18081 refused
e2e-svc/client node:$node1 tcp/18081 allowed
e2e-svc/far node:$node1 tcp/18081 allowed
node:$node1 node:$node1 tcp/18081 allowed
END
  each_family host_port_sees_outside
}
host_port_sees_outside() { equals "$(answers outside tcp "$("$1" "node:$node1")" 18081)" "one $("$1" outside)"; }
# Policies apply to the pod behind a Service or port, and to the client's own address.
policies_hold_through_services() {
  apply <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: e2e-svc, name: only-far}
spec:
  podSelector: {matchLabels: {app: one}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {may: enter}}}], ports: [{port: 8080}]}]
END
  kubectl -n e2e-svc label pod far may=enter >/dev/null
  settled
  # A pod reaches ports of another node with the address of its own node, because the packets are masqueraded.
  expect <<END
e2e-svc/client service:e2e-svc/one tcp/80 denied
e2e-svc/far service:e2e-svc/one tcp/80 allowed
e2e-svc/far service:e2e-svc/one udp/53 denied
e2e-svc/one service:e2e-svc/one tcp/80 allowed
e2e-svc/client node:$node1 tcp/18081 denied
e2e-svc/far node:$node1 tcp/18081 denied
outside node:$node1 tcp/18081 denied
outside node:$node2 tcp/30081 denied
outside node:$node2 tcp/30082 allowed
END
}

check "services: create the test objects" make_services
check "services: TCP and UDP, from both nodes, and from the pod behind it" services_are_reached
check "services: node ports, from outside, pods and nodes" node_ports_are_reached
check "services: host ports, with the client's own address" host_ports_are_reached
check "services: policies apply to the backend pod and the client's own address" policies_hold_through_services
check "services: delete the test objects" forget
