#!/usr/bin/env bash
# Runs the verbs of the CNI specification with its own client: cnitool (libcni) reads a conflist, calls
# ADD, CHECK, DEL, GC and STATUS of the plugin while kpold runs, and passes cached results, as container
# runtimes do.
#
#   tests/conformance/run.sh [BUILD-FOLDER]      # default: build/release, which is built first
#
# Needs root. Uses network and mount namespaces that end with the script.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh
. e2e/lib/go.sh

if [ "${KPOL_CONFORMANCE_INSIDE:-}" != 1 ]; then
  ensure_packages build demo
  command -v go >/dev/null || ensure_packages conformance
  folder=${1:-}
  if [ -z "$folder" ]; then
    folder=build/release
    build_release
  fi
  say "Building cnitool"
  mkdir -p build/conformance
  (cd tests/conformance && go_build ../../build/conformance/cnitool \
    github.com/containernetworking/cni/cnitool)
  KPOL_CONFORMANCE_INSIDE=1 exec unshare --net --mount --propagation private \
    "$0" "$(realpath "$folder")"
fi

folder=$1
cnitool=$PWD/build/conformance/cnitool
scratch=$(mktemp -d)
kpold=
finish() {
  if [ -n "$kpold" ]; then
    kill "$kpold" 2>/dev/null || true
    wait "$kpold" || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT
mount -t tmpfs tmpfs /run/netns 2>/dev/null || { mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns; }
mkdir -p /var/lib/cni && mount -t tmpfs tmpfs /var/lib/cni # libcni's cache
ip link set lo up
export CNI_PATH=$scratch/plugins NETCONFPATH=$scratch/net.d
mkdir -p "$NETCONFPATH" "$scratch/manifests" "$scratch/state"

passed=0
failed=0
check() { # check WHAT COMMAND...: the command must succeed
  local what=$1
  shift
  if "$@" >"$scratch/out" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$what"
    sed 's/^/    /' "$scratch/out"
  fi
}
# cnitool prints only the message of an error, so the code is that of the plugin's own output.
mkdir "$scratch/plugins"
cat >"$scratch/plugins/kpol" <<PLUGIN
#!/bin/sh
"$folder/plugin/kpol" >"$scratch/output"
status=\$?
cat "$scratch/output"
exit \$status
PLUGIN
chmod +x "$scratch/plugins/kpol"
fails_with() { # fails_with CODE COMMAND...: the command must fail, and the plugin return this error code
  local code=$1
  shift
  : >"$scratch/output"
  ! "$@" || return 1
  echo "expected code $code; the plugin's output: $(cat "$scratch/output")"
  [ "$(sed -nE 's/.*"code": ?([0-9]+).*/\1/p' "$scratch/output")" = "$code" ]
}
conflist() { # conflist VERSION
  cat >"$NETCONFPATH/10-kpol.conflist" <<CONF
{"cniVersion": "$1", "name": "kpol", "plugins": [
  {"type": "kpol", "mtu": 1400,
   "ipam": {"type": "kpol", "ranges": [["10.244.1.0/24"], ["fd00:10:244:1::/64"]]},
   "stateDir": "$scratch/state", "socket": "$scratch/kpold.sock", "policyTimeout": 5}]}
CONF
}
links() { ip -o link show | grep -c 'kpol' || true; }
leases() { find "$scratch/state/attachments" -name '*.json' 2>/dev/null | wc -l; }
nothing_left() { # links, routes, attachments
  local tries=0
  while [ "$(links)" != 0 ] && [ $tries -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
  [ "$(links)" = 0 ] && [ "$(leases)" = 0 ] && ! ip route | grep -q 10.244.1
}
cni() { # cni VERB NETNS, with the runtime's arguments in the order given by $arguments
  CNI_ARGS=$arguments CNI_IFNAME=eth0 "$cnitool" "$1" kpol "/var/run/netns/$2"
}

cat >"$scratch/manifests/pods.yaml" <<'MANIFEST'
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, uid: u-1, labels: {app: web}}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {namespace: shop, name: deny}
  spec: {podSelector: {}}
MANIFEST
orders=(
  "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_UID=u-1"
  "K8S_POD_UID=u-1;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_NAMESPACE=shop;IgnoreUnknown=1"
  "K8S_POD_NAME=web;IgnoreUnknown=true;K8S_POD_NAMESPACE=shop;K8S_POD_UID=u-1;K8S_POD_INFRA_CONTAINER_ID=c"
)
arguments=${orders[0]}

say "Without kpold"
ip netns add pod
conflist 1.1.0
check "STATUS fails with code 50 (not available)" fails_with 50 cni status pod
check "ADD fails with code 11 (try again)" fails_with 11 cni add pod
check "the failed ADD leaves nothing" nothing_left

say "With kpold"
"$folder/controller/kpold" --source "dir:$scratch/manifests" --socket "$scratch/kpold.sock" \
  --state-dir "$scratch/state" --node-name conformance --metrics-listen "" \
  >"$scratch/kpold.log" 2>&1 &
kpold=$!
"$folder/kpolctl/kpolctl" --socket "$scratch/kpold.sock" sync --timeout 10s >/dev/null 2>&1 ||
  { sleep 1 && "$folder/kpolctl/kpolctl" --socket "$scratch/kpold.sock" sync --timeout 10s >/dev/null; }

number=0
for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
  conflist "$version"
  arguments=${orders[$((number % 3))]}
  number=$((number + 1))
  check "$version: ADD" cni add pod
  cp "$scratch/out" "$scratch/result"
  check "$version: the result has that version" \
    grep -q "\"cniVersion\": \"$version\"" "$scratch/result"
  check "$version: the pod has its addresses" sh -c "ip -n pod address show eth0 | grep -q 10.244.1"
  check "$version: a second ADD fails with code 102 (already attached)" fails_with 102 cni add pod
  # CHECK exists since 0.4.0, GC and STATUS since 1.1.0.
  case $version in 0.3.*) ;; *) check "$version: CHECK" cni check pod ;; esac
  case $version in 0.3.*) ;; *)
    ip -n pod route del default
    check "$version: CHECK fails with code 103 if a route is missing" fails_with 103 cni check pod
    ;;
  esac
  check "$version: DEL with the cached result" cni del pod
  check "$version: DEL again" cni del pod
  check "$version: nothing is left" nothing_left
done

say "GC and STATUS"
conflist 1.1.0
check "STATUS" cni status pod
check "ADD" cni add pod
ip netns delete pod
ip netns add pod
check "GC" cni gc pod
check "GC left nothing" nothing_left

say "Conformance"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
