#!/usr/bin/env bash
# kubectl_kpol.sh KUBECTL-KPOL: checks how the kubectl plugin calls kubectl, which is replaced by a script.
set -euo pipefail
plugin=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cat >"$scratch/kubectl" <<'STUB'
#!/usr/bin/env bash
printf '%s\n' "$*" >>"$0.calls"
case $* in
  *"get pods"*spec.nodeName=empty*) ;;
  *"get pods"*) printf 'pod/kpol-one\npod/kpol-two\n' ;;
  *exec*) exit 3 ;;
esac
STUB
chmod +x "$scratch/kubectl"

passed=0 failed=0
# expect STATUS 'CALLS' ARGUMENT...
expect() {
  local wanted=$1 calls=$2 status=0
  shift 2
  rm -f "$scratch/kubectl.calls"
  PATH="$scratch:$PATH" "$plugin" "$@" 2>"$scratch/error" || status=$?
  touch "$scratch/kubectl.calls"
  if [ "$status" = "$wanted" ] && diff <(printf '%s' "${calls:+$calls
}") "$scratch/kubectl.calls"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $*: status $status, not $wanted: $(cat "$scratch/error")"
  fi
}
select='get pods --selector app.kubernetes.io/name=kpol --field-selector status.phase=Running'
run='exec pod/kpol-one --container kpold -- /usr/bin/kpolctl'

# The plugin returns kpolctl's exit status.
expect 3 "--namespace kube-system $select --output name
--namespace kube-system $run status" status
expect 3 "--namespace kube-system $select,spec.nodeName=n1 --output name
--namespace kube-system $run show pod shop/web -o json" --node n1 show pod shop/web -o json
expect 3 "--context test --namespace net $select --output name
--context test --namespace net $run --help" --context test --namespace net help
expect 1 "--namespace kube-system $select,spec.nodeName=empty --output name" --node empty status
expect 2 "" --node
echo "kubectl kpol: $passed passed, $failed failed"
[ "$failed" = 0 ]
