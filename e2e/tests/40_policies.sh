# shellcheck shell=bash
# shellcheck disable=SC2154
# Common NetworkPolicies: what each allows and denies.

make_shop() {
  namespace e2e-shop
  namespace e2e-other team=other
  namespace e2e-dns
  {
    pod e2e-shop/front "$node1" '{tier: front}'
    pod e2e-shop/back "$node2" '{tier: back}' 'ports: [{name: web, containerPort: 8080}]'
    pod e2e-shop/db "$node1" '{tier: db}'
    pod e2e-dns/dns "$node2" '{app: dns}' 'command: [probe, serve, udp/53, tcp/53, tcp/8080]'
    pod e2e-other/client "$node2" '{app: client}'
  } | kubectl apply -f - >/dev/null
  for namespace in e2e-shop e2e-dns e2e-other; do ready $namespace; done
}
# policy NAME: reads the spec from stdin.
policy() {
  {
    printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {namespace: e2e-shop, name: %s}\nspec:\n' "$1"
    sed 's/^/  /'
  } | kubectl apply -f - >/dev/null
}
without_policies_all_is_open() {
  expect <<END
e2e-shop/front e2e-shop/back tcp/8080 allowed
e2e-shop/front e2e-shop/db udp/5353 allowed
e2e-shop/front e2e-dns/dns udp/53 allowed
e2e-other/client e2e-shop/db tcp/8080 allowed
END
}
default_deny() {
  policy default-deny <<<'{podSelector: {}, policyTypes: [Ingress, Egress]}'
  settled
  expect <<END
e2e-shop/front e2e-shop/back tcp/8080 denied
e2e-shop/back e2e-shop/front udp/5353 denied
e2e-shop/front e2e-shop/db tcp/8080 denied
e2e-shop/front e2e-dns/dns udp/53 denied
e2e-shop/front e2e-shop/front tcp/8080 allowed
e2e-other/client e2e-shop/db tcp/8080 denied
e2e-other/client e2e-dns/dns tcp/8080 allowed
node:$node1 e2e-shop/front tcp/8080 allowed
node:$node1 e2e-shop/front udp/5353 allowed
node:$node1 e2e-shop/back tcp/8080 denied
END
}
allow_dns() {
  policy allow-dns <<END
podSelector: {}
policyTypes: [Egress]
egress:
- to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: e2e-dns}}}]
  ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
END
  settled
  expect <<END
e2e-shop/front e2e-dns/dns udp/53 allowed
e2e-shop/back e2e-dns/dns tcp/53 allowed
e2e-shop/front e2e-dns/dns tcp/8080 denied
e2e-shop/front e2e-shop/back tcp/8080 denied
END
}
three_tiers() {
  policy front <<END
podSelector: {matchLabels: {tier: front}}
ingress: [{from: [{namespaceSelector: {matchLabels: {team: other}}}]}]
egress: [{to: [{podSelector: {matchLabels: {tier: back}}}], ports: [{port: 8080}]}]
policyTypes: [Ingress, Egress]
END
  policy back <<END
podSelector: {matchLabels: {tier: back}}
ingress: [{from: [{podSelector: {matchLabels: {tier: front}}}], ports: [{port: web}]}]
egress: [{to: [{podSelector: {matchExpressions: [{key: tier, operator: In, values: [db]}]}}], ports: [{port: 8000, endPort: 8100}]}]
policyTypes: [Ingress, Egress]
END
  policy db <<END
podSelector: {matchLabels: {tier: db}}
ingress: [{from: [{podSelector: {matchLabels: {tier: back}}}]}]
END
  settled
  expect <<END
e2e-other/client e2e-shop/front tcp/8080 allowed
e2e-other/client e2e-shop/front udp/5353 allowed
e2e-other/client e2e-shop/back tcp/8080 denied
e2e-other/client e2e-shop/db tcp/8080 denied
e2e-shop/front e2e-shop/back tcp/8080 allowed
e2e-shop/front e2e-shop/back udp/5353 denied
e2e-shop/front e2e-shop/db tcp/8080 denied
e2e-shop/back e2e-shop/db tcp/8080 allowed
e2e-shop/back e2e-shop/db udp/5353 denied
e2e-shop/back e2e-shop/front tcp/8080 denied
e2e-shop/db e2e-shop/back tcp/8080 denied
node:$node2 e2e-shop/back udp/5353 allowed
END
}
labels_change_what_is_allowed() {
  kubectl label namespace e2e-other team- >/dev/null
  kubectl -n e2e-other label pod client tier=front >/dev/null
  settled
  expect <<END
e2e-other/client e2e-shop/front tcp/8080 denied
e2e-other/client e2e-shop/back tcp/8080 denied
END
  kubectl label namespace e2e-other team=other >/dev/null
  settled
  expect <<<"e2e-other/client e2e-shop/front tcp/8080 allowed"
}
blocks() {
  local blocks=() v4 v6
  if v4=$(v4_of e2e-other/client); then blocks+=("{ipBlock: {cidr: 10.244.0.0/16, except: [$v4/32]}}"); fi
  if v6=$(v6_of e2e-other/client); then blocks+=("{ipBlock: {cidr: \"fd00:10:244::/56\", except: [\"$v6/128\"]}}"); fi
  policy db-blocks <<END
podSelector: {matchLabels: {tier: db}}
ingress: [{from: [$(IFS=, && echo "${blocks[*]}")]}]
END
  settled
  expect <<END
e2e-other/client e2e-shop/db tcp/8080 denied
e2e-dns/dns e2e-shop/db tcp/8080 allowed
END
}
explain_agrees() {
  ends 0 'allowed by e2e-shop/db' kubectl_kpol explain e2e-shop/back e2e-shop/db 8080
  ends 3 'denied: e2e-other/client to e2e-shop/db' \
    kubectl_kpol --node "$node1" explain e2e-other/client e2e-shop/db 8080
}
policies_go() {
  kubectl -n e2e-shop delete networkpolicies --all >/dev/null
  settled
  without_policies_all_is_open
}

# The label on a namespace acts like a policy in it.
default_posture() {
  kubectl label namespace e2e-shop kpol.io/default-policy=deny-ingress >/dev/null
  settled
  expect <<END
e2e-other/client e2e-shop/db tcp/8080 denied
e2e-shop/front e2e-shop/db tcp/8080 denied
e2e-shop/front e2e-dns/dns udp/53 allowed
END
  kubectl label --overwrite namespace e2e-shop kpol.io/default-policy=deny >/dev/null
  settled
  expect <<<"e2e-shop/front e2e-dns/dns udp/53 denied"
  kubectl label namespace e2e-shop kpol.io/default-policy- >/dev/null
  settled
  without_policies_all_is_open
}
metadata_guard() {
  trap 'end_outside metadata; outside_loses 169.254.169.254' EXIT
  outside_gains 169.254.169.254
  start_outside metadata probe serve tcp/80
  expect <<END
node:$node1 169.254.169.254 tcp/80 allowed
e2e-shop/front 169.254.169.254 tcp/80 denied
END
  kubectl label namespace e2e-shop kpol.io/metadata-access=allow >/dev/null
  settled
  expect <<END
e2e-shop/front 169.254.169.254 tcp/80 allowed
e2e-other/client 169.254.169.254 tcp/80 denied
END
}

check "policies: pods of a shop" make_shop
check "policies: without policies all connections are allowed" without_policies_all_is_open
check "policies: default-deny" default_deny
check "policies: allow DNS" allow_dns
check "policies: three tiers, with a named port and a range of ports" three_tiers
check "policies: labels of pods and namespaces change" labels_change_what_is_allowed
check "policies: ipBlocks with exceptions" blocks
check "policies: kubectl kpol explain agrees with the packets" explain_agrees
check "policies: all connections are allowed after the policies are deleted" policies_go
check "policies: default policy of a namespace by its label" default_posture
if [ "$families" = ipv6 ]; then
  skip "policies: metadata guard" "169.254.169.254 is an IPv4 address"
else
  check "policies: metadata guard" metadata_guard
fi
