# shellcheck shell=bash
# shellcheck disable=SC2154
# Sourced by tests: four pods that connect to a server continuously, two allowed and two denied, and
# one open connection. No allowed connection may fail, and no denied one may succeed.

# asking NAME NODE LABELS ADDRESS PATIENCE: prints a Pod that connects continuously.
asking() {
  pod "e2e-traffic/$1" "$2" "$3" "command: [probe, every, \"60\", tcp, \"$4\", \"80\", \"$5\"]"
}
# The container exits when its connection is closed.
connected() {
  pod e2e-traffic/connected "$node1" '{may: enter}' \
    "command: [sh, -c, \"while sleep 0.1; do echo; done | nc $1 9000 | while read line; do date +%s; done\"]"
}
make_traffic() {
  local service4 service6
  namespace e2e-traffic
  {
    pod e2e-traffic/server "$node2" '{app: server}'
    pod e2e-traffic/echo "$node2" '{app: echo}' 'command: [nc, -ll, -p, "9000", -e, cat]'
    cat <<END
---
apiVersion: v1
kind: Service
metadata: {namespace: e2e-traffic, name: server}
spec: {ipFamilyPolicy: PreferDualStack, selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: e2e-traffic, name: server}
spec:
  podSelector: {matchExpressions: [{key: app, operator: Exists}]}
  ingress: [{from: [{podSelector: {matchLabels: {may: enter}}}], ports: [{port: 8080}, {port: 9000}]}]
END
  } | apply e2e-traffic
  settled
  read -r service4 service6 <<<"$(addresses_of service:e2e-traffic/server)"
  service6=${service6:-$service4}  # one family
  {
    asking may-far "$node1" '{may: enter}' "$service4" 950
    asking may-near "$node2" '{may: enter}' "$service6" 950
    asking not-far "$node1" '{}' "$service6" 60
    asking not-near "$node2" '{}' "$service4" 60
    connected "$(addresses_of e2e-traffic/echo | sed 's/.* //')"
  } | apply e2e-traffic
  # kube-proxy needs a moment; what was asked before it is told later.
  eventually 20 answered_again
  # Its first packets may have come before the policy admitted it. TCP then waits 1, 2, 4, 8 seconds.
  eventually 40 is_connected
  patiently steady
}
is_connected() { [ -n "$(asked connected)" ]; }
answered_again() {
  expect <<END
e2e-traffic/may-near service:e2e-traffic/server tcp/80 allowed
e2e-traffic/may-far service:e2e-traffic/server tcp/80 allowed
e2e-traffic/not-near service:e2e-traffic/server tcp/80 denied
e2e-traffic/not-far service:e2e-traffic/server tcp/80 denied
END
}
steady() {
  begin
  sleep 2
  no_wrong_verdict
}

askers="may-far may-near not-far not-near"
asked() { kubectl -n e2e-traffic logs "$1"; }
# begin: only verdicts after this call count.
begin() {
  local asker
  for asker in $askers connected; do asked "$asker" | wc -l >"$dir/asked-$asker"; done
}
# since_begin POD: its lines.
since_begin() { asked "$1" | tail -n "+$(($(cat "$dir/asked-$1") + 1))"; }
# outcomes ASKER: "OK LOST" since begin.
outcomes() { since_begin "$1" | awk '{ n[$2]++ } END { print n["ok"] + 0, n["lost"] + 0 }'; }
nothing_got_in() {
  local asker ok lost
  for asker in not-far not-near; do
    read -r ok lost <<<"$(outcomes "$asker")"
    [ "$lost" -gt 10 ] || fail "$asker tried only $lost times"
    [ "$ok" = 0 ] || fail "$asker is denied, but got $ok replies to $((ok + lost)) requests"
  done
}
no_wrong_verdict() {
  local asker ok lost
  for asker in may-far may-near; do
    read -r ok lost <<<"$(outcomes "$asker")"
    [ "$ok" -gt 3 ] || fail "$asker got only $ok replies"
    [ "$lost" = 0 ] || fail "$asker got no reply to $lost of $((ok + lost)) requests: $(asked "$asker" | grep lost | tail -3)"
  done
  stays_connected
  nothing_got_in
}
# The first connection still exists, and was never silent for longer than a TCP retransmission takes.
stays_connected() {
  equals "$(kubectl -n e2e-traffic get pod connected -o 'jsonpath={.status.containerStatuses[0].restartCount}')" 0
  since_begin connected | awk -v now="$(date +%s)" '
    NR > 1 && $1 > last + 3 { print "silent from", last, "to", $1; exit bad = 1 }
    { last = $1 }
    END { if (!bad && now > last + 3) { print "silent since", last; exit 1 } exit bad }'
}
# patiently FUNCTION: repeats FUNCTION once if it fails, because an allowed connection may time out on a
# busy machine. A denied connection that succeeds always fails the check.
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
