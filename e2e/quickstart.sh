#!/usr/bin/env bash
# Shows kpol on one node with nine pods and real packets, without a cluster.
#
#   e2e/quickstart.sh          show it and remove everything (also when interrupted)
#   e2e/quickstart.sh --keep   keep it running, and print commands to try
#   e2e/quickstart.sh --remove remove what --keep left
#
# Everything is in network namespaces named kpol-quickstart*, and in one directory below /run.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

prefix=kpol-quickstart
base=/run/$prefix
bin=$PWD/build/release
pods=(shop/web shop/cart shop/db bank/teller bank/ledger bank/vault ops/monitor ops/backup ops/shell)

# Everything that this script creates has the prefix in its name, so that any later run can remove it.
remove_everything() {
  local file netns
  for file in "$base"/*.pid; do
    [ -e "$file" ] || continue
    # Only a process that is still the one we started.
    if [ "$(cut -d' ' -f22 "/proc/$(cut -d' ' -f1 "$file")/stat" 2>/dev/null)" = "$(cut -d' ' -f2 "$file")" ]; then
      kill -KILL "$(cut -d' ' -f1 "$file")" 2>/dev/null || true
    fi
  done
  for netns in $(ip netns list | awk -v p="$prefix" 'index($1, p) == 1 { print $1 }'); do
    ip netns delete "$netns"
  done
  rm -rf "$base"
}

# start NAME COMMAND...: starts it in the background, and records its PID and start time.
start() {
  local name=$1
  shift
  "$@" >"$base/$name.log" 2>&1 </dev/null &
  echo "$! $(cut -d' ' -f22 "/proc/$!/stat")" >"$base/$name.pid"
  disown $!
}

netns_of() { echo "$prefix-${1/\//-}"; }
on_node() { ip netns exec "$prefix" "$@"; }
kpolctl() { on_node "$bin/kpolctl/kpolctl" --socket "$base/kpold.sock" "$@"; }

make_node() {
  say "A node: the network namespace $prefix, with kpold reading manifests from $base/manifests"
  mkdir -p "$base/manifests" "$base/state"
  cp manifests/quickstart/1-pods.yaml "$base/manifests/"
  ip netns add "$prefix"
  on_node ip link set lo up
  start kpold ip netns exec "$prefix" "$bin/controller/kpold" --source "dir:$base/manifests" \
    --socket "$base/kpold.sock" --state-dir "$base/state" --node-name "$prefix" --metrics-listen ""
  local tries=0
  until kpolctl status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$base/kpold.log" && die "kpold did not start"; }
    sleep 0.1
  done
}

# Does what the container runtime does: creates a namespace for the pod, and calls the plugin.
make_pod() {
  local pod=$1 netns result
  netns=$(netns_of "$pod")
  ip netns add "$netns"
  ip -n "$netns" link set lo up
  result=$(on_node env CNI_COMMAND=ADD CNI_CONTAINERID="$netns" CNI_NETNS="/run/netns/$netns" \
    CNI_IFNAME=eth0 CNI_PATH="$bin/plugin" \
    CNI_ARGS="K8S_POD_NAMESPACE=${pod%/*};K8S_POD_NAME=${pod#*/}" \
    "$bin/plugin/kpol" <"$base/net.conf") || die "ADD of $pod failed: $result"
  grep -oE '"address": *"[^"/]+' <<<"$result" | sed 's/.*"//' >"$base/${pod/\//-}.ips"
  start "httpd-${pod/\//-}" ip netns exec "$netns" busybox httpd -f -p '[::]:80' -h "$base/www"
  printf '    %-12s %s\n' "$pod" "$(tr '\n' ' ' <"$base/${pod/\//-}.ips")"
}

make_pods() {
  say "Nine pods, each added by a call of the CNI plugin"
  mkdir -p "$base/www"
  echo "hello" >"$base/www/index.html"
  cat >"$base/net.conf" <<CONF
{"cniVersion": "1.0.0", "name": "kpol", "type": "kpol", "mtu": 1450,
 "ipam": {"type": "kpol", "ranges": [["10.244.1.0/24"], ["fd00:10:244:1::/64"]]},
 "stateDir": "$base/state", "socket": "$base/kpold.sock", "policy": "required"}
CONF
  local pod
  for pod in "${pods[@]}"; do make_pod "$pod"; done
}

# Both families of one pair of pods: "46", "4-", "-6" or "--".
probe() {
  local from=$1 to=$2 ip cell=""
  while read -r ip; do
    if ip netns exec "$(netns_of "$from")" timeout 1 bash -c "exec 3<>/dev/tcp/$ip/80" </dev/null 2>/dev/null; then
      if [[ $ip = *:* ]]; then cell+=6; else cell+=4; fi
    else
      cell+=-
    fi
  done <"$base/${to/\//-}.ips"
  echo "$cell" >"$base/probe/${from/\//-}~${to/\//-}"
}

matrix() {
  local from to jobs=()
  rm -rf "$base/probe" && mkdir "$base/probe"
  for from in "${pods[@]}"; do
    for to in "${pods[@]}"; do
      probe "$from" "$to" &
      jobs+=($!)
    done
  done
  wait "${jobs[@]}"
  printf '    %-14s' "from \\ to"
  for to in "${pods[@]}"; do printf '%-12s' "$to"; done
  printf '\n'
  for from in "${pods[@]}"; do
    printf '    %-14s' "$from"
    for to in "${pods[@]}"; do printf '%-12s' "$(cat "$base/probe/${from/\//-}~${to/\//-}")"; done
    printf '\n'
  done
}

# Checks one pair of pods in the matrix.
expect() {
  local got
  got=$(cat "$base/probe/${1/\//-}~${2/\//-}")
  [ "$got" = "$3" ] || die "expected $1 -> $2 to be $3, but it is $got"
}

show() {
  say "TCP port 80, pod to pod, over IPv4 and IPv6 (46: both are allowed): without policies all connections are allowed"
  matrix
  expect shop/db bank/vault 46
  expect bank/vault shop/web 46

  say "Applying manifests/quickstart/2-default-deny.yaml and 3-allow.yaml"
  cp manifests/quickstart/2-default-deny.yaml manifests/quickstart/3-allow.yaml "$base/manifests/"
  kpolctl sync --timeout 10s
  matrix
  expect shop/db bank/vault --
  expect ops/shell shop/web 46
  expect ops/monitor bank/vault 46
  expect ops/shell bank/vault --
  expect shop/web shop/db 46
  expect bank/vault shop/web --

  say "kpolctl show policies"
  kpolctl show policies
  say "kpolctl show pods"
  kpolctl show pods
  say "kpolctl show pod bank/vault"
  kpolctl show pod bank/vault
  say "nft list table inet kpol"
  on_node nft list table inet kpol
}

how_to_play() {
  say "kpol is running. Commands to try:"
  cat <<TEXT
    alias kpolctl='ip netns exec $prefix $bin/kpolctl/kpolctl --socket $base/kpold.sock'
    kpolctl status
    kpolctl show pod shop/web                        # and the policies that apply to it
    kpolctl explain ops/shell shop/db 80             # why not
    ip netns exec $(netns_of ops/shell) wget -T 1 -t 1 -qO- http://$(head -1 "$base/shop-web.ips")/
    ip netns exec $prefix nft flush ruleset   # another program's mistake: kpol's table stays
    rm $base/manifests/3-allow.yaml && kpolctl sync    # now the shell does not reach the web
    e2e/quickstart.sh --remove
TEXT
}

case ${1:-} in
  "" | --keep) ;;
  --remove) remove_everything && say "Removed" && exit 0 ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
  *) die "unknown argument $1 (see --help)" ;;
esac

[ "$(id -u)" = 0 ] || die "network namespaces need root: run this as root"
ensure_packages build demo
build_release
remove_everything
trap remove_everything EXIT
trap 'exit 130' INT TERM
make_node
make_pods
show
if [ "${1:-}" = --keep ]; then
  trap - EXIT
  how_to_play
else
  say "Removing everything"
fi
