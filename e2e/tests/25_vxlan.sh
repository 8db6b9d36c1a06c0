# shellcheck shell=bash
# shellcheck disable=SC2154
# With the overlay vxlan instead of the base, all traffic between nodes uses VXLAN.
# Families: dual, because it counts the packets of both on the wire

# shellcheck source=e2e/tests/traffic.sh
. e2e/tests/traffic.sh

# Counts packets from the first node to the second on the wire.
watch_wire() {
  local cidr rules=
  for cidr in $(kubectl get node "$node1" -o 'jsonpath={.spec.podCIDRs[*]}'); do
    case $cidr in
      *:*) rules+="ip6 saddr $cidr counter name bare6;" ;;
      *) rules+="ip saddr $cidr counter name bare4;" ;;
    esac
  done
  on_node "$node2" nft -f - <<END
table netdev e2e
delete table netdev e2e
table netdev e2e {
  counter vxlan {}
  counter bare4 {}
  counter bare6 {}
  counter pieces {}
  chain in {
    type filter hook ingress device "eth0" priority 0;
    ip frag-off & 0x3fff != 0 counter name pieces
    ip saddr $(v4_of "node:$node1") udp dport 8472 counter name vxlan
    $rules
  }
}
END
}
seen() { on_node "$node2" nft list counter netdev e2e "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
# The traffic between nodes is of both families.
make_traffic_on_the_wire() {
  make_traffic
  watch_wire
  all_is_direct
}
all_is_direct() {
  on_node "$node2" nft reset counters table netdev e2e >/dev/null
  sleep 1
  [ "$(seen bare4)" -gt 5 ] || fail "$(seen bare4) packets of IPv4"
  [ "$(seen bare6)" -gt 5 ] || fail "$(seen bare6) packets of IPv6"
  equals "$(seen vxlan)" 0
}
all_goes_by_vxlan() {
  on_node "$node2" nft reset counters table netdev e2e >/dev/null
  sleep 1
  [ "$(seen vxlan)" -gt 10 ] || fail "$(seen vxlan) packets of VXLAN"
  equals "$(seen bare4) $(seen bare6) $(seen pieces)" "0 0 0"
}
# with FOLDER: applies the manifests of a variant.
with() {
  begin
  kubectl apply -k "$1" >/dev/null
  kubectl -n kube-system rollout restart daemonset/kpol >/dev/null
  rolled_out
  settled
  sleep 1
  no_wrong_verdict
}
policies_hold_over_vxlan() {
  { pod e2e-traffic/young "$node1" '{may: enter}' && pod e2e-traffic/open "$node2" '{}'; } |
    apply e2e-traffic
  settled
  expect <<END
e2e-traffic/young e2e-traffic/server tcp/8080 allowed
e2e-traffic/young e2e-traffic/server udp/5353 denied
e2e-traffic/young e2e-traffic/open tcp/8080 allowed
e2e-traffic/young e2e-traffic/open udp/5353 allowed
e2e-traffic/open e2e-traffic/young tcp/8080 allowed
e2e-traffic/open e2e-traffic/server tcp/8080 denied
e2e-traffic/not-far e2e-traffic/server tcp/8080 denied
e2e-traffic/not-far e2e-traffic/open tcp/8080 allowed
node:$node1 e2e-traffic/open tcp/8080 allowed
node:$node1 e2e-traffic/server tcp/8080 denied
node:$node2 e2e-traffic/server udp/5353 allowed
END
  sees e2e-traffic/young e2e-traffic/open
  sees e2e-traffic/open e2e-traffic/young
}
# An echo request of the pod's MTU is one VXLAN packet; with one byte more it is two.
mtu_leaves_room() {
  local mtu
  mtu=$(run_in e2e-traffic/young 'cat /sys/class/net/eth0/mtu')
  equals "$mtu" "$(($(on_node "$node1" cat /sys/class/net/eth0/mtu) - 50))"
  run_in e2e-traffic/young "ping -c 2 -W 2 -s $((mtu - 28)) $(v4_of e2e-traffic/open)"
  run_in e2e-traffic/young "ping -c 2 -W 2 -s $((mtu - 48)) $(v6_of e2e-traffic/open)"
  equals "$(seen pieces)" 0
}
unwatch_wire() {
  on_node "$node2" nft delete table netdev e2e
  forget
}

check "vxlan: without the overlay pods' packets are not encapsulated" make_traffic_on_the_wire
check "vxlan: apply the overlay during traffic" patiently with "$top/manifests/overlays/vxlan"
check "vxlan: all traffic of both families is encapsulated" all_goes_by_vxlan
check "vxlan: policies apply between nodes, and pods see pod addresses" policies_hold_over_vxlan
check "vxlan: the MTU leaves room for the headers" mtu_leaves_room
check "vxlan: apply the base again during traffic" patiently with "$manifests"
check "vxlan: no traffic is encapsulated" all_is_direct
check "vxlan: delete the test objects" unwatch_wire
