# shellcheck shell=bash
# shellcheck disable=SC2154
# kpold, the API server and nodes stop and start again during traffic.

# shellcheck source=e2e/tests/traffic.sh
. e2e/tests/traffic.sh

agent_is_deleted() {
  begin
  kubectl -n kube-system delete pod "$(kpold_pod "$node1")" "$(kpold_pod "$node2")" --wait=false
  sleep 1
  rolled_out
  sleep 2
  no_wrong_verdict
}
agent_is_killed() {
  local before
  before=$(restarts)
  begin
  # shellcheck disable=SC2016
  on_node "$node2" sh -c 'kill -KILL $(pgrep -x kpold)'
  eventually 30 differs restarts "$before"
  rolled_out
  settled
  no_wrong_verdict
}
restarts() {
  kubectl -n kube-system get pods -l app.kubernetes.io/name=kpol -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}'
}
differs() { [ "$("$1")" != "$2" ]; }
# A policy change made while no kpold runs is in effect after kpold has started.
change_while_agent_is_away() {
  begin
  kubectl -n kube-system patch daemonset kpol --type=merge -p '{"spec":{"template":{"spec":{"nodeSelector":{"none":"such"}}}}}'
  eventually 30 no_agents
  kubectl -n e2e-traffic label pod not-far may=enter
  sleep 1
  nothing_got_in
  kubectl -n e2e-traffic label pod not-far may-
  table_is_held
  kubectl -n kube-system rollout restart daemonset/kpol-hold
  kubectl -n kube-system rollout status daemonset/kpol-hold --timeout=60s
  table_is_held
  kubectl -n kube-system patch daemonset kpol --type=json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector/none"}]'
  sleep 1
  rolled_out
  settled
  no_wrong_verdict
}
# No other program can delete the table, although no kpold runs.
table_is_held() {
  local node
  for node in "$node1" "$node2"; do
    ! on_node "$node" nft delete table inet kpol || fail "$node: the table was deleted"
    on_node "$node" nft list table inet kpol >/dev/null
  done
}
no_agents() { [ -z "$(kubectl -n kube-system get pods -l app.kubernetes.io/name=kpol -o name)" ]; }

api_server_is_away() {
  local node
  begin
  part stop kube-apiserver
  sleep "${KPOL_E2E_AWAY:-20}"
  for node in "$node1" "$node2"; do
    on_node "$node" curl -s --unix-socket /run/kpol/kpold.sock http://kpold/v1/status >/dev/null
    equals "$(on_node "$node" curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9464/livez)" 200
  done
  part start kube-apiserver
  eventually 60 settled
  no_wrong_verdict
}
policies_are_followed_again() {
  local ok lost
  kubectl -n e2e-traffic label pod not-far may=enter >/dev/null
  settled
  begin
  sleep 2
  read -r ok lost <<<"$(outcomes not-far)"
  [ "$ok" -gt 3 ] || fail "not-far is allowed now, but got only $ok replies"
  equals "$lost" 0
  kubectl -n e2e-traffic label pod not-far may- >/dev/null
  settled
  begin
  sleep 4
  nothing_got_in
}
node_restarts() {
  begin
  part stop "$node2"
  sleep 3
  part start "$node2"
  eventually 60 server_restarted
  kubectl wait --for=condition=Ready nodes --all --timeout=60s
  rolled_out
  ready e2e-traffic
  settled
  eventually 20 answered_again
  nothing_got_in_on_either_side
}
server_restarted() { [ "$(kubectl -n e2e-traffic get pod server -o 'jsonpath={.status.containerStatuses[0].restartCount}')" != 0 ]; }
# The log of the pod on the restarted node is new.
nothing_got_in_on_either_side() {
  local ok lost
  read -r ok lost <<<"$(outcomes not-far)"
  [ "$lost" -gt 10 ] || fail "not-far tried only $lost times"
  [ "$ok" = 0 ] || fail "not-far is denied, but got $ok replies to $((ok + lost)) requests"
  # Read the whole log: grep -q would end the pipe early, which counts as a failure.
  asked not-near | grep lost >/dev/null || fail "not-near sent no request"
  ! asked not-near | grep ok || fail "not-near is denied, but got a reply"
}

check "faults: start traffic under a policy" make_traffic
check "faults: kpold's pods are deleted" patiently agent_is_deleted
check "faults: kpold is killed" patiently agent_is_killed
check "faults: labels change while no kpold runs, and others try to delete the table" patiently change_while_agent_is_away
check "faults: the API server is stopped" patiently api_server_is_away
check "faults: policy changes are in effect again" policies_are_followed_again
check "faults: a node restarts" node_restarts
check "faults: delete the test objects" forget
