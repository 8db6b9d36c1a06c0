#!/usr/bin/env bash
# examples.sh KPOLD KPOLCTL: runs the real programs on the manifests, in a network namespace of their own.
# kpold must accept the configuration of each kustomization, and the verdicts of manifests/examples must
# be those in examples.txt.
set -euo pipefail
[ -n "${KPOL_PRIVATE_NETNS:-}" ] || KPOL_PRIVATE_NETNS=1 exec unshare --net "$0" "$@"
kpold=$(realpath "$1") kpolctl=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
manifests=$(realpath "$here/../../manifests")
scratch=$(mktemp -d)
pid=
stop() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } || true
  pid=
}
trap 'stop; rm -rf "$scratch"' EXIT
passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() {
  failed=$((failed + 1))
  echo "FAIL $*"
}
paths=(--socket "$scratch/kpold.sock" --state-dir "$scratch/state" --cni-conf-dir "$scratch/net.d"
  --cni-bin-dir "$scratch/bin")
mkdir -p "$scratch/net.d" "$scratch/bin"

# kpold reports a configuration that it would reject at start.
for config in "$manifests"/base/kpold.yaml "$manifests"/overlays/*/kpold.yaml; do
  if "$kpold" --config "$config" "${paths[@]}" --cleanup --dry-run >"$scratch/out" 2>&1; then
    pass
  else
    fail "$config: $(cat "$scratch/out")"
  fi
done
sed 's/^source:/sauce:/' "$manifests/base/kpold.yaml" >"$scratch/wrong.yaml"
if "$kpold" --config "$scratch/wrong.yaml" "${paths[@]}" --cleanup --dry-run >"$scratch/out" 2>&1; then
  fail "a configuration with an unknown field is accepted"
else
  pass
fi

kpolctl() { "$kpolctl" --socket "$scratch/kpold.sock" "$@"; }
# serve EXAMPLE,...: starts kpold with these examples.
serve() {
  stop
  rm -rf "$scratch/cluster" && mkdir "$scratch/cluster"
  cp "$here/pods.yaml" "$scratch/cluster/"
  local example tries=0
  for example in ${1//,/ }; do cp "$manifests/examples/$example.yaml" "$scratch/cluster/"; done
  "$kpold" --source "dir:$scratch/cluster" "${paths[@]}" --node-name n1 --metrics-listen '' \
    >"$scratch/log" 2>&1 &
  pid=$!
  until kpolctl sync --timeout 5s >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { cat "$scratch/log" && exit 1; }
    sleep 0.1
  done
  if grep -E ' (warning|error)\b|\[(warning|error)\]' "$scratch/log"; then fail "$1: kpold logs a warning or an error"; fi
}

ip link set lo up
serving='' lines=0
while read -r examples from to port verdict; do
  case $examples in '' | '#'*) continue ;; esac
  [ "$examples" = "$serving" ] || serve "$examples"
  serving=$examples
  status=0
  kpolctl explain "$from" "$to" "$port" >"$scratch/out" 2>&1 || status=$?
  case $status in 0) got=allowed ;; 3) got=denied ;; *) got="error: $(cat "$scratch/out")" ;; esac
  if [ "$got" = "$verdict" ]; then pass; else fail "$examples: $from -> $to $port is $got, not $verdict"; fi
  echo "$examples $verdict" >>"$scratch/seen"
  lines=$((lines + 1))
done <"$here/examples.txt"

for file in "$manifests"/examples/*.yaml; do
  example=$(basename "$file" .yaml)
  for verdict in allowed denied; do
    if grep -qx "$example $verdict" "$scratch/seen"; then pass; else fail "$example has no line that is $verdict"; fi
  done
done
echo "manifests: $passed passed, $failed failed"
[ "$failed" = 0 ]
