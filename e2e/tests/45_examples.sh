# shellcheck shell=bash
# shellcheck disable=SC2154
# The policies in manifests/examples: what each allows and denies.

example() { kubectl -n e2e-app apply -f "$top/manifests/examples/$1.yaml" >/dev/null; }
make_app() {
  local namespace
  namespace e2e-app
  namespace e2e-visitors
  namespace ingress-nginx
  {
    pod e2e-app/web "$node1" '{tier: web}'
    pod e2e-app/api "$node2" '{tier: api}'
    pod e2e-app/db "$node1" '{tier: db}' 'command: [probe, serve, tcp/5432, tcp/8080]'
    pod e2e-app/billing "$node2" '{app: billing}'
    pod e2e-app/shown "$node1" '{expose: "true"}'
    pod e2e-visitors/visitor "$node2" '{}'
    pod ingress-nginx/controller "$node1" '{}'
    pod kube-system/e2e-dns "$node2" '{k8s-app: kube-dns}' 'command: [probe, serve, udp/53, tcp/53, tcp/8080]'
  } | kubectl apply -f - >/dev/null
  for namespace in e2e-app e2e-visitors ingress-nginx kube-system; do ready $namespace; done
}
default_deny_and_dns() {
  example default-deny
  settled
  expect <<END
e2e-app/web e2e-app/api tcp/8080 denied
e2e-app/web kube-system/e2e-dns udp/53 denied
e2e-visitors/visitor e2e-app/web tcp/8080 denied
e2e-visitors/visitor kube-system/e2e-dns udp/53 allowed
node:$node1 e2e-app/web tcp/8080 allowed
node:$node2 e2e-app/api tcp/8080 allowed
END
  example allow-dns
  settled
  expect <<END
e2e-app/web kube-system/e2e-dns udp/53 allowed
e2e-app/api kube-system/e2e-dns tcp/53 allowed
e2e-app/web kube-system/e2e-dns tcp/8080 denied
e2e-visitors/visitor kube-system/e2e-dns tcp/8080 allowed
e2e-app/web e2e-app/api tcp/8080 denied
END
  kubectl -n e2e-app delete networkpolicies --all >/dev/null
}
three_tiers_example() {
  example three-tier
  settled
  expect <<END
e2e-visitors/visitor e2e-app/web tcp/8080 allowed
e2e-visitors/visitor e2e-app/web udp/5353 denied
e2e-visitors/visitor e2e-app/api tcp/8080 denied
e2e-app/web e2e-app/api tcp/8080 allowed
e2e-app/web e2e-app/db tcp/5432 denied
e2e-app/api e2e-app/db tcp/5432 allowed
e2e-app/api e2e-app/db tcp/8080 denied
e2e-app/db e2e-app/web tcp/8080 denied
node:$node1 e2e-app/web udp/5353 allowed
node:$node1 e2e-app/db tcp/8080 allowed
END
}
from_ingress() {
  example allow-from-ingress
  settled
  expect <<END
ingress-nginx/controller e2e-app/shown tcp/8080 allowed
ingress-nginx/controller e2e-app/shown udp/5353 denied
e2e-visitors/visitor e2e-app/shown tcp/8080 denied
e2e-app/web e2e-app/shown tcp/8080 denied
node:$node1 e2e-app/shown udp/5353 allowed
END
}
to_block() {
  trap 'end_outside block; outside_loses 203.0.113.1 203.0.113.7' EXIT
  outside_gains 203.0.113.1 203.0.113.7
  start_outside block probe serve tcp/443 tcp/8443
  expect <<<"e2e-app/billing 203.0.113.7 tcp/443 allowed"
  example egress-to-cidr
  settled
  expect <<END
e2e-app/billing 203.0.113.1 tcp/443 allowed
e2e-app/billing 203.0.113.1 tcp/8443 denied
e2e-app/web 203.0.113.1 tcp/8443 allowed
e2e-app/billing 203.0.113.7 tcp/443 denied
e2e-app/billing kube-system/e2e-dns udp/53 denied
e2e-app/web 203.0.113.7 tcp/443 allowed
END
}
app_goes() {
  kubectl delete namespace ingress-nginx --wait --timeout=60s
  kubectl -n kube-system delete pod e2e-dns --wait --timeout=60s
  forget
}

check "examples: pods of an application" make_app
check "examples: default-deny, allow-dns" default_deny_and_dns
check "examples: three-tier" three_tiers_example
check "examples: allow-from-ingress" from_ingress
if [ "$families" = ipv6 ]; then
  skip "examples: egress-to-cidr" "its block is of IPv4"
else
  check "examples: egress-to-cidr" to_block
fi
check "examples: delete the test objects" app_goes
