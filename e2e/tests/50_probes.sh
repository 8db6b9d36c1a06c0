# shellcheck shell=bash
# shellcheck disable=SC2154
# The kubelet's probes of pods whose policies deny all other traffic.

make_closed_pods() {
  namespace e2e-probes
  {
    cat <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: e2e-probes, name: default-deny}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
END
    pod e2e-probes/http "$node1" '{}' 'readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}, livenessProbe: {httpGet: {port: 8080}, periodSeconds: 1, failureThreshold: 1}'
    pod e2e-probes/tcp "$node2" '{}' 'readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}, startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}'
    pod e2e-probes/exec "$node1" '{}' 'readinessProbe: {exec: {command: [probe, get, tcp, 127.0.0.1, "8080"]}, periodSeconds: 1}'
    pod e2e-probes/wrong "$node2" '{}' 'readinessProbe: {httpGet: {port: 8081}, periodSeconds: 1}'
  } | kubectl apply -f - >/dev/null
  kubectl -n e2e-probes wait --for=condition=Ready pod/http pod/tcp pod/exec --timeout=30s
}
nobody_else_gets_in() {
  settled
  expect <<END
e2e-probes/http e2e-probes/tcp tcp/8080 denied
e2e-probes/exec e2e-probes/http tcp/8080 denied
node:$node2 e2e-probes/http tcp/8080 denied
node:$node1 e2e-probes/http tcp/8080 allowed
node:$node2 e2e-probes/tcp tcp/8080 allowed
END
}
they_stay_ready() {
  sleep 4
  equals "$(kubectl -n e2e-probes get pods http tcp exec wrong -o 'jsonpath={range .items[*]}{.status.containerStatuses[0].ready}/{.status.containerStatuses[0].restartCount} {end}')" \
    "true/0 true/0 true/0 false/0 "
}

check "probes: pods under default-deny become ready by HTTP, TCP and exec" make_closed_pods
check "probes: all other connections are denied" nobody_else_gets_in
check "probes: the pods stay ready, and a pod with a wrong probe does not become ready" they_stay_ready
