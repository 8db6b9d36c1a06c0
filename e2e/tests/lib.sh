# shellcheck shell=bash
# shellcheck disable=SC2154
# Sourced by e2e/run.sh and its tests: named checks, pods, and tables of allowed connections. The
# functions of the cluster itself are listed in e2e/cluster/driver.sh.
#
# A test is a file of functions and `check` lines. It creates objects only in namespaces that start with
# e2e-, so that `forget` can delete them.

passed=0 failed=0 skipped=0 suite=
# skip NAME REASON: for what has no meaning in this cluster.
skip() {
  skipped=$((skipped + 1))
  echo "skip  $suite$1: $2"
}
# check NAME FUNCTION ARG...: runs the function with `set -e`, and prints its output if it fails.
check() {
  local name=$suite$1 output=$dir/check.log status=0 since=$SECONDS
  shift
  set +e
  (
    set -e
    "$@"
  ) >"$output" 2>&1
  status=$?
  set -e
  if [ $status = 0 ]; then
    passed=$((passed + 1))
    echo "ok    $name ($((SECONDS - since)) s)"
  else
    failed=$((failed + 1))
    echo "FAIL  $name"
    sed 's/^/      | /' "$output"
    explain_failure "$name"
  fi
}

table_of() { on_node "$1" nft list table inet kpol; }
# Saves the cluster's state beside its logs, and prints the lines that show an error.
explain_failure() {
  local file=$dir/log/failure-$failed
  {
    echo "# $1"
    kubectl get pods --all-namespaces -o wide
    kubectl get events --all-namespaces --sort-by=.lastTimestamp
    kubectl -n kube-system logs -l app.kubernetes.io/name=kpol --all-containers --prefix --tail=200
    each_node kpolctl_on status
    each_node table_of
  } >"$file" 2>&1 || true
  {
    awk '/^NAMESPACE/ { pods = $2 == "NAME" } pods && $4 != "Running" && $4 != "STATUS"' "$file"
    sed -nE '/CgroupV1/d; / Warning | (error|warning) /p' "$file" | tail -8
    echo "more in $file"
  } | cut -c1-400 | sed 's/^/      > /'
}

fail() {
  printf '%s\n' "$*"
  return 1
}
# eventually SECONDS CMD...: repeats CMD until it succeeds; prints its last output if it does not in time.
eventually() {
  local end=$((SECONDS + $1)) output
  shift
  until output=$("$@" 2>&1); do
    [ $SECONDS -lt $end ] || fail "did not succeed in time: $*
$output" || return 1
    sleep 0.3
  done
}
# ends CODE TEXT CMD...: the command exits with that code, and its output contains TEXT.
ends() {
  local code=$1 text=$2 said status=0
  shift 2
  said=$("$@" 2>&1) || status=$?
  [ "$status" = "$code" ] || fail "$* exits with $status, not $code, and prints: $said"
  grep -qF -e "$text" <<<"$said" || fail "$* does not print \"$text\" but: $said"
}
equals() { [ "$1" = "$2" ] || fail "expected $2, got $1"; }

nodes() { kubectl get nodes -o 'jsonpath={.items[*].metadata.name}'; }
# each_node CMD...: runs CMD for each node, with the node's name as last argument.
each_node() {
  local node
  for node in $(nodes); do "$@" "$node" || return 1; done
}
kpold_pod() {
  kubectl -n kube-system get pods -l app.kubernetes.io/name=kpol --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={.items[0].metadata.name}'
}
# on_kpold NODE CMD...: runs CMD in the container of kpold.
on_kpold() {
  local node=$1
  shift
  kubectl -n kube-system exec "$(kpold_pod "$node")" -c kpold -- "$@"
}
# kpolctl_on WORD... NODE
kpolctl_on() { on_kpold "${!#}" kpolctl "${@:1:$#-1}"; }
# Runs kubectl-kpol as a user does; --node NODE selects the kpold.
kubectl_kpol() {
  # shellcheck disable=SC2016
  with_kubeconfig sh -c 'PATH=$0:$PATH && exec kubectl kpol "$@"' "$top/packaging/kubectl" "$@"
}
# Waits until the kernel of each node has all changes made so far.
settled() { each_node kpolctl_on sync --timeout 20s >/dev/null; }
rolled_out() { kubectl -n kube-system rollout status daemonset/kpol --timeout=60s; }
nodes_are_ready() {
  kubectl wait --for=condition=Ready nodes --all --timeout=60s
  rolled_out
}
node_is_in_sync() {
  local status
  status=$(kpolctl_on status "$1")
  grep -q '^Status .*ready, in sync' <<<"$status" || fail "$status"
}
every_node_is_in_sync() { each_node eventually 20 node_is_in_sync; }
nothing_is_left_on() {
  local wrong
  wrong=$({
    on_node "$1" nft list tables | grep kpol
    on_node "$1" ip -o link | grep -E 'kpol|kpbw'
    on_node "$1" ip route show proto 107
    on_node "$1" ip -6 route show proto 107
    on_node "$1" find /etc/cni/net.d/10-kpol.conflist /opt/cni/bin/kpol /run/kpol/kpold.sock /var/lib/kpol -type f
  } 2>/dev/null || true)
  [ -z "$wrong" ] || fail "on $1: $wrong"
}

# namespace NAME [LABEL=VALUE...]
namespace() {
  kubectl create namespace "$1" >/dev/null
  [ $# -lt 2 ] || kubectl label namespace "$1" "${@:2}" >/dev/null
  eventually 10 kubectl -n "$1" get serviceaccount default
}
forget() {
  local namespaces
  namespaces=$(kubectl get namespaces -o name | grep '/e2e-' || true)
  # shellcheck disable=SC2086
  [ -z "$namespaces" ] || kubectl delete $namespaces --wait --timeout=90s >/dev/null
}

# pod NS/NAME NODE '{LABELS}' [FIELDS OF THE CONTAINER] [FIELDS OF THE SPEC]: prints a Pod that serves
# tcp/8080 and udp/5353.
pod() {
  cat <<END
---
apiVersion: v1
kind: Pod
metadata: {namespace: ${1%/*}, name: ${1#*/}, labels: $3}
spec:
  nodeSelector: {kubernetes.io/hostname: $2}
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers: [{name: c, image: "registry.local/test:1", imagePullPolicy: Never${4:+, $4}}]
${5:+  $5}
END
}
# apply [NAMESPACE]: applies the manifest on stdin, then waits for the namespace's pods.
apply() {
  kubectl apply ${1:+-n "$1"} -f - >/dev/null
  if [ -n "${1:-}" ]; then ready "$1"; fi
}
ready() {
  kubectl -n "$1" wait --for=condition=Ready pods --all --timeout=60s >/dev/null || {
    kubectl -n "$1" describe pods | tail -40
    return 1
  }
}

# addresses_of TARGET: all families. NS/POD, service:NS/NAME, node:NAME, outside, or an address.
addresses_of() {
  case $1 in
    service:*) kubectl -n "$(dirname "${1#*:}")" get service "$(basename "$1")" -o 'jsonpath={.spec.clusterIPs[*]}' ;;
    node:*) kubectl get node "${1#*:}" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}' ;;
    outside) outside_addresses ;;
    */*) kubectl -n "${1%/*}" get pod "${1#*/}" -o 'jsonpath={.status.podIPs[*].ip}' ;;
    *) echo "$1" ;;
  esac
}
# These fail if the cluster does not have the family.
v4_of() { addresses_of "$1" | tr ' ' '\n' | grep -v :; }
v6_of() { addresses_of "$1" | tr ' ' '\n' | grep :; }
# run_in WHERE SCRIPT: WHERE is a pod (NS/POD), node:NAME, or outside, a machine that is not a node.
run_in() {
  case $1 in
    node:*) on_node "${1#*:}" sh -c "$2" ;;
    outside) outside sh -c "$2" ;;
    *) kubectl -n "${1%/*}" exec "${1#*/}" -- sh -c "$2" ;;
  esac
}
# Reads lines "FROM TARGET PROTOCOL/PORT …", tries each address of the target, and prints the lines with
# the verdict: allowed, denied (no reply in time, as if a packet was dropped), or the reason of another
# failure, as refused or unreachable. If the addresses differ, it prints each verdict.
verdicts() {
  local from target what rest address lines='' from_before=''
  flush() {
    [ -z "$from_before" ] || run_in "$from_before" "$(declare -f verdict); { $lines wait; } | sort -u"
    lines=''
  }
  while read -r from target what rest; do
    [ "$from" = "$from_before" ] || flush
    from_before=$from
    for address in $(addresses_of "$target"); do
      lines+="verdict '$from $target $what' ${what%/*} $address ${what#*/} & "
    done
  done
  flush
}
# verdict LINE PROTOCOL ADDRESS PORT: runs in pods too, whose shell is busybox.
verdict() {
  reason=$(probe get "$2" "$3" "$4" 700 2>&1 >/dev/null) && reason=allowed
  [ "$reason" != timeout ] || reason=denied
  echo "$1 $(echo "$reason" | tr ' ' '-')"
}
# A connection to a port on which no process listens fails too. So each target that a test expects to be
# denied must be allowed to some source in the same table, or earlier in the same test.
# expect: compares the verdicts with those of the lines "FROM TARGET PROTOCOL/PORT allowed|denied|REASON".
expect() {
  local table actual unknown
  table=$(awk 'NF { print $1, $2, $3, $4 }' | sort)
  unknown=$(echo "$table" | awk -v known="$dir/allowed" '
    BEGIN { while ((getline line <known) > 0) allowed[line] }
    $4 == "allowed" { allowed[$2 " " $3] }
    $4 == "denied" { denied[$2 " " $3] }
    END { for (target in denied) if (!(target in allowed)) print target }')
  [ -z "$unknown" ] || fail "no source is allowed to reach, so nothing shows that it listens: $unknown"
  actual=$(echo "$table" | verdicts | sort)
  diff <(echo "$table") <(echo "$actual") || fail "< expected, > seen"
  awk '$4 == "allowed" { print $2, $3 }' <<<"$table" >>"$dir/allowed"
}
# answers FROM PROTOCOL ADDRESS PORT: prints the server's reply, "POD CLIENT-ADDRESS".
answers() { run_in "$1" "probe get $2 $3 $4 1500"; }
# each_family CMD...: runs CMD for each family of the cluster, with v4_of or v6_of as last argument.
each_family() {
  [ "$families" = ipv6 ] || "$@" v4_of || return 1
  [ "$families" = ipv4 ] || "$@" v6_of
}
# sees FROM TO: the server at TO sees FROM's own address.
sees() { each_family sees_address "$1" "$2"; }
sees_address() { equals "$(answers "$1" tcp "$("$3" "$2")" 8080)" "$(basename "$2") $("$3" "$1")"; }

# take_kpol_away FOLDER: deletes the kpol that was installed from the manifests in FOLDER.
take_kpol_away() {
  kubectl delete -k "$1" --wait --timeout=60s >/dev/null
  kubectl -n kube-system wait --for=delete pods -l 'app.kubernetes.io/name in (kpol, kpol-hold)' --timeout=60s
}
clean_up() {
  kubectl apply -k "$top/manifests/uninstall" >/dev/null
  kubectl -n kube-system rollout status daemonset/kpol-cleanup --timeout=60s
  kubectl delete -k "$top/manifests/uninstall" --wait --timeout=60s >/dev/null
}
