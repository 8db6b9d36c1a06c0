# shellcheck shell=bash
# shellcheck disable=SC2154
# What happens to the agent, the API server and nodes while connections are tried all the time: none
# that is allowed is lost, and none that is not gets through.

# asking NAME NODE LABELS ADDRESS PATIENCE: prints a Pod that connects again and again.
asking() {
  pod "e2e-faults/$1" "$2" "$3" "command: [probe, every, \"60\", tcp, \"$4\", \"80\", \"$5\"]"
}
make_traffic() {
  local service4 service6
  namespace e2e-faults
  {
    pod e2e-faults/server "$node2" '{app: server}'
    cat <<END
---
apiVersion: v1
kind: Service
metadata: {namespace: e2e-faults, name: server}
spec: {ipFamilyPolicy: RequireDualStack, selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: e2e-faults, name: server}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{podSelector: {matchLabels: {may: enter}}}], ports: [{port: 8080}]}]
END
  } | apply e2e-faults
  settled
  read -r service4 service6 <<<"$(addresses_of service:e2e-faults/server)"
  {
    asking may-far "$node1" '{may: enter}' "$service4" 950
    asking may-near "$node2" '{may: enter}' "$service6" 950
    asking not-far "$node1" '{}' "$service6" 60
    asking not-near "$node2" '{}' "$service4" 60
  } | apply e2e-faults
  # kube-proxy needs a moment; what was asked before it is told later.
  eventually 20 answered_again
  sleep 1
  patiently steady
}
steady() {
  begin
  sleep 3
  no_wrong_verdict
}
askers="may-far may-near not-far not-near"
asked() { kubectl -n e2e-faults logs "$1"; }
# begin: verdicts count from here.
begin() {
  local asker
  for asker in $askers; do asked "$asker" | wc -l >"$dir/asked-$asker"; done
}
# outcomes ASKER: "OK LOST" since begin.
outcomes() {
  asked "$1" | tail -n "+$(($(cat "$dir/asked-$1") + 1))" |
    awk '{ n[$2]++ } END { print n["ok"] + 0, n["lost"] + 0 }'
}
nothing_got_in() {
  local asker ok lost
  for asker in not-far not-near; do
    read -r ok lost <<<"$(outcomes "$asker")"
    [ "$lost" -gt 10 ] || fail "$asker asked only $lost times"
    [ "$ok" = 0 ] || fail "$asker got in $ok times of $((ok + lost))"
  done
}
no_wrong_verdict() {
  local asker ok lost
  for asker in may-far may-near; do
    read -r ok lost <<<"$(outcomes "$asker")"
    [ "$ok" -gt 3 ] || fail "$asker was answered only $ok times"
    [ "$lost" = 0 ] || fail "$asker was not answered $lost times of $((ok + lost)): $(asked "$asker" | grep lost | tail -3)"
  done
  nothing_got_in
}
# patiently FUNCTION: an allowed connection may be lost to a machine that is busy with something else,
# so it may fail once for that. What is forbidden is never forgiven.
patiently() {
  local status
  set +e
  (
    set -e
    "$@"
  )
  status=$?
  set -e
  [ $status != 0 ] || return 0
  nothing_got_in
  echo "once more"
  "$@"
}
rolled_out() { kubectl -n kube-system rollout status daemonset/kpol --timeout=60s; }

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
agent_is_updated() {
  begin
  kubectl -n kube-system rollout restart daemonset/kpol
  rolled_out
  sleep 2
  no_wrong_verdict
}
# What the policy was changed to while nobody was there to see it holds when somebody is.
change_while_agent_is_away() {
  begin
  kubectl -n kube-system patch daemonset kpol --type=merge -p '{"spec":{"template":{"spec":{"nodeSelector":{"none":"such"}}}}}'
  eventually 30 no_agents
  kubectl -n e2e-faults label pod not-far may=enter
  sleep 1
  nothing_got_in
  kubectl -n e2e-faults label pod not-far may-
  kubectl -n kube-system patch daemonset kpol --type=json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector/none"}]'
  sleep 1
  rolled_out
  settled
  no_wrong_verdict
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
  kubectl -n e2e-faults label pod not-far may=enter >/dev/null
  settled
  begin
  sleep 2
  read -r ok lost <<<"$(outcomes not-far)"
  [ "$ok" -gt 3 ] || fail "not-far may enter now and was answered only $ok times"
  equals "$lost" 0
  kubectl -n e2e-faults label pod not-far may- >/dev/null
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
  ready e2e-faults
  settled
  eventually 20 answered_again
  nothing_got_in_on_either_side
}
server_restarted() { [ "$(kubectl -n e2e-faults get pod server -o 'jsonpath={.status.containerStatuses[0].restartCount}')" != 0 ]; }
answered_again() {
  expect <<END
e2e-faults/may-near service:e2e-faults/server tcp/80 allowed
e2e-faults/may-far service:e2e-faults/server tcp/80 allowed
e2e-faults/not-near service:e2e-faults/server tcp/80 denied
e2e-faults/not-far service:e2e-faults/server tcp/80 denied
END
}
# The log of the pod on the node that restarted began anew.
nothing_got_in_on_either_side() {
  local ok lost
  read -r ok lost <<<"$(outcomes not-far)"
  [ "$lost" -gt 10 ] || fail "not-far asked only $lost times"
  [ "$ok" = 0 ] || fail "not-far got in $ok times of $((ok + lost))"
  asked not-near | grep -q lost || fail "not-near did not ask"
  ! asked not-near | grep ok || fail "not-near got in"
}

check "faults: traffic under a policy" make_traffic
check "faults: kpold's pods are deleted" patiently agent_is_deleted
check "faults: kpold is killed" patiently agent_is_killed
check "faults: the DaemonSet is updated" patiently agent_is_updated
check "faults: labels change and change back while no kpold runs" patiently change_while_agent_is_away
check "faults: the API server is away" patiently api_server_is_away
check "faults: policies are followed again" policies_are_followed_again
check "faults: a node restarts" node_restarts
check "faults: what was made goes" forget
