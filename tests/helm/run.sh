#!/usr/bin/env bash
# Compares the objects of the Helm chart with the manifests, and its values with the configuration that
# kpold accepts. Helm renders the chart; no cluster is needed.
#
#   tests/helm/run.sh
#
# Needs root. KPOL_PROGRAMS=FOLDER is a folder with kpold (default: build it).
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh
. packaging/lib/programs.sh
. tests/packaging/checks.sh

ensure_packages test
tools=$(tests/helm/build.sh)
chart=packaging/helm/kpol
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Do not use the caller's Helm configuration.
for place in CACHE CONFIG DATA; do export "HELM_${place}_HOME=$scratch/helm"; done
mkdir "$scratch/programs"
static_programs "$scratch/programs"
helm() { "$tools/helm" "$@"; }
kustomize() { "$tools/kustomize" "manifests/$1"; }
py() { tests/helm/check.py "$@"; }
# render FLAG...: renders the chart in $from for the namespace kube-system.
render() { helm template kpol "${from:-$chart}" --namespace kube-system "$@"; }

# The flags that give the same objects as each overlay; the image is that of the manifests.
declare -A flags=(
  [base]=""
  [overlays/vxlan]="--set config.routing=vxlan"
  [overlays/gce]="--set config.routing=null --set config.clearNetworkUnavailable=true"
  [overlays/kind]="--set image.pullPolicy=Never"
  [overlays/policy-only]="--set config.routing=none --set config.cniConfDir="
)
for overlay in "${!flags[@]}"; do
  mkdir -p "$scratch/kustomized/$overlay"
  kustomize "$overlay" >"$scratch/kustomized/$overlay.yaml"
done
kustomize uninstall >"$scratch/kustomized/uninstall.yaml"

# same OVERLAY [CLEANUP]
same() {
  # shellcheck disable=SC2086
  render --set image.tag=dev ${flags[$1]} ${2:+--set uninstall=true} >"$scratch/rendered.yaml" &&
    py same "$scratch/rendered.yaml" "$scratch/kustomized/$1.yaml" ${2:+"$scratch/kustomized/$2.yaml"}
}
same_everywhere() {
  local overlay
  for overlay in "${!flags[@]}"; do same "$overlay" || return 1; done
  same base uninstall
}
in_own_network() { unshare --net "$@"; }
# kpold reports a configuration that it would reject at start (tests/manifests/examples.sh).
paths=(--socket "$scratch/kpold.sock" --state-dir "$scratch/state" --cni-conf-dir "$scratch/net.d"
  --cni-bin-dir "$scratch/bin")
kpold_takes() { # kpold_takes FLAG...
  render "$@" >"$scratch/rendered.yaml" && py config "$scratch/rendered.yaml" >"$scratch/kpold.yaml" || return 1
  cat "$scratch/kpold.yaml"
  in_own_network "$scratch/programs/kpold" --config "$scratch/kpold.yaml" "${paths[@]}" --cleanup --dry-run
}
# refuses_with TEXT COMMAND...: the command must fail and print TEXT.
refuses_with() {
  local text=$1
  shift
  refuses "$@" >"$scratch/refusal" 2>&1 || { echo "it is accepted" && return 1; }
  cat "$scratch/refusal"
  grep -qE -- "$text" "$scratch/refusal"
}
# has KIND PATH JSON FLAG...
has() {
  local kind=$1 path=$2 wanted=$3 found
  shift 3
  render "$@" >"$scratch/rendered.yaml" && found=$(py get "$scratch/rendered.yaml" "$kind" "$path") || return 1
  [ "$found" = "$wanted" ] || { echo "$path is $found, not $wanted" && return 1; }
}
pod=spec/template/spec

say "The chart"
version=$(project_version)
chart_has_version() { grep -qx "$1: $version" "$chart/Chart.yaml"; }
check "lint" helm lint --strict "$chart"
check "the chart has the project's version" chart_has_version version
check "appVersion is the project's version" chart_has_version appVersion
check "helm package" helm package "$chart" --destination "$scratch"
packed() { diff <(from="$scratch/kpol-$version.tgz" render) <(render); }
check "the package renders the same objects" packed

say "The objects"
for overlay in "${!flags[@]}"; do check "manifests/$overlay: ${flags[$overlay]:-no flags}" same "$overlay"; done
check "manifests/uninstall: --set uninstall=true" same base uninstall
check "another namespace" has ClusterRoleBinding subjects/0/namespace '"net"' --namespace net
namespaces() { diff <(echo net) <(render --namespace net | sed -n 's/^  namespace: //p' | sort -u); }
check "every namespaced object is in that namespace" namespaces

say "The values"
check "the default image tag is appVersion" \
  has DaemonSet $pod/containers/0/image "\"registry.local/kpol:$version\""
digest=sha256:$(printf %064d 1)
check "a digest" has DaemonSet $pod/initContainers/0/image "\"registry.example/kpol@$digest\"" \
  --set "image.repository=registry.example/kpol,image.digest=$digest"
check "pull secrets" has DaemonSet $pod/imagePullSecrets '[{"name": "s"}]' --set 'imagePullSecrets[0].name=s'
check "resources" has DaemonSet $pod/containers/0/resources/limits '{"memory": "1Gi"}' \
  --set resources.limits.memory=1Gi
check "resources of the init container" has DaemonSet $pod/initContainers/0/resources/requests/cpu '"1m"' \
  --set initResources.requests.cpu=1m
check "an SELinux type" has DaemonSet $pod/containers/0/securityContext/seLinuxOptions '{"type": "t"}' \
  --set seLinuxOptions.type=t
check "no SELinux type" has DaemonSet $pod/initContainers/0/securityContext/seLinuxOptions null \
  --set seLinuxOptions=null
check "a priority class" has DaemonSet $pod/priorityClassName '"high"' --set priorityClassName=high
check "tolerations" has DaemonSet $pod/tolerations '[{"key": "k"}]' --set-json 'tolerations=[{"key":"k"}]'
check "a node selector" has DaemonSet $pod/nodeSelector '{"a": "b", "kubernetes.io/os": "linux"}' \
  --set nodeSelector.a=b
check "affinity" has DaemonSet $pod/affinity '{"nodeAffinity": {"x": 1}}' \
  --set-json 'affinity={"nodeAffinity":{"x":1}}'
check "an update strategy" has DaemonSet spec/updateStrategy/rollingUpdate/maxUnavailable '"20%"' \
  --set updateStrategy.rollingUpdate.maxUnavailable=20%
check "annotations of pods" has DaemonSet spec/template/metadata/annotations/a '"b"' --set podAnnotations.a=b
check "labels of pods" has DaemonSet spec/template/metadata/labels \
  '{"a": "b", "app.kubernetes.io/name": "kpol"}' --set podLabels.a=b
checksum() { render "$@" | sed -n 's/ *checksum.config: //p'; }
changes() { [ "$(checksum)" != "$(checksum "$@")" ]; }
check "a changed configuration replaces the pods" changes --set config.logLevel=debug
keeps() { diff <(checksum) <(checksum "$@"); }
check "other values do not change the checksum" keeps --set resources.requests.cpu=1m

check "resources of the holder" has DaemonSet/kpol-hold $pod/containers/0/resources/requests/cpu '"2m"' \
  --set holderResources.requests.cpu=2m
without_holder() { refuses grep -q kpol-hold <(render --set holder=false); }
check "no holder" without_holder

say "Paths and addresses"
elsewhere=(--set config.cniBinDir=/b --set config.cniConfDir=/c --set config.stateDir=/s
  --set config.socket=/r/x/k.sock)
paths_of() { # paths_of FLAG...: prints the volumes' paths and mount paths
  render "$@" >"$scratch/rendered.yaml"
  py get "$scratch/rendered.yaml" DaemonSet $pod | python3 -c '
import json, sys
pod = json.load(sys.stdin)
at = {v["name"]: v["hostPath"]["path"] for v in pod["volumes"] if "hostPath" in v}
for container in pod["initContainers"] + pod["containers"]:
    for mount in container.get("volumeMounts", []):
        if mount["name"] in at:
            print(mount["name"], at[mount["name"]], mount["mountPath"])' | sort -u
}
mounts() { diff <(printf '%s\n' 'cni-bin /b /b' 'cni-conf /c /c' 'netns /run/netns /run/netns' 'run /r/x /r/x' 'state /s /s') <(paths_of "$@"); }
check "volumes follow the configuration" mounts "${elsewhere[@]}"
check "volumes of the clean-up follow the configuration" mounts "${elsewhere[@]}" --set uninstall=true
check "the holder's socket follows the configuration" has DaemonSet/kpol-hold $pod/containers/0/args \
  '["--socket", "/r/x/k.sock"]' "${elsewhere[@]}"
check "the holder's volume follows the configuration" has DaemonSet/kpol-hold $pod/volumes/0/hostPath/path \
  '"/r/x"' "${elsewhere[@]}"
check "the plugin is installed in cniBinDir" has DaemonSet $pod/initContainers/0/args '["--cni-bin-dir", "/b"]' \
  "${elsewhere[@]}"
check "the clean-up removes the plugin from cniBinDir" has DaemonSet $pod/initContainers/0/args \
  '["--cni-bin-dir", "/b", "--cni-conf-dir", "/c", "--state-dir", "/s", "--socket", "/r/x/k.sock"]' \
  "${elsewhere[@]}" --set uninstall=true
probes() { # probes LISTEN HOST PORT
  local probe
  for probe in startupProbe livenessProbe readinessProbe; do
    has DaemonSet "$pod/containers/0/$probe/httpGet/host" "\"$2\"" --set-string "config.metricsListen=$1" &&
      has DaemonSet "$pod/containers/0/$probe/httpGet/port" "$3" --set-string "config.metricsListen=$1" || return 1
  done
}
check "probes use metricsListen" probes 10.1.2.3:99 10.1.2.3 99
check "probes use the loopback address if metricsListen is unspecified" probes 0.0.0.0:9464 127.0.0.1 9464
check "probes use IPv6" probes '[::]:9464' ::1 9464
check "the ports follow the configuration" has DaemonSet $pod/containers/0/ports \
  '[{"containerPort": 99, "hostIP": "10.1.2.3", "hostPort": 99, "name": "health", "protocol": "TCP"}, {"containerPort": 8473, "hostPort": 8473, "name": "vxlan", "protocol": "UDP"}]' \
  --set-string config.metricsListen=10.1.2.3:99 --set config.vxlanPort=8473
check "an unspecified address is every address" has DaemonSet $pod/containers/0/ports/0 \
  '{"containerPort": 9464, "hostPort": 9464, "name": "health", "protocol": "TCP"}' \
  --set-string 'config.metricsListen=[::]:9464'

say "Configurations that kpold accepts"
for overlay in "${!flags[@]}"; do
  # shellcheck disable=SC2086
  check "the configuration of $overlay" kpold_takes ${flags[$overlay]}
done
while read -r edge; do check "$edge" kpold_takes --set "config.$edge"; done < <(py edges $chart/values.schema.json)
cat >"$scratch/values.yaml" <<'VALUES'
config: {vxlanId: 16777215, apiServers: "https://10.0.0.1:6443,https://10.0.0.2:6443", auditInterval: 90s,
  collectAfter: 2m, metricsListen: "[::1]:9464", nonMasqueradeCIDRs: "10.0.0.0/8, fd00::/8",
  systemNamespaces: "kube-system, ops", masquerade: false, cniConfDir: ""}
VALUES
check "a file of values" kpold_takes --values "$scratch/values.yaml"
says() { render --values "$scratch/values.yaml" | grep -qx "    $1"; }
check "large numbers are not rounded" says 'vxlanId: 16777215'
check "false is rendered" says 'masquerade: false'
# All fields except those of the pod or the node itself can be set.
fields() {
  diff <(py fields $chart/values.schema.json) \
    <(sed -n 's/^ *Field{"\([A-Za-z0-9]*\)".*/\1/p' conf/daemon_config.cpp |
      grep -vxE 'nodeName|nodeIP|source|kubeconfig|insecureSkipTlsVerify' | LC_ALL=C sort)
}
check "each field of kpold's configuration can be set" fields
no_routing() { kpold_takes --set config.routing=null && refuses grep routing "$scratch/kpold.yaml"; }
check "null removes a default" no_routing

say "Values that the chart rejects"
refusal() { # refusal WORDS FLAG...: Helm's error contains WORDS
  check "${*:2}" refuses_with "$1" render "${@:2}"
}
refusal "'sauce'" --set sauce=1
refusal "'/image'.*'name'" --set image.name=x
refusal "'/config'.*'sauce'" --set config.sauce=api
refusal "'/config'.*'nodeName'" --set config.nodeName=n1
refusal "'/config'.*'source'" --set config.source=dir:/x
refusal "'/config/routing'" --set config.routing=bgp
refusal "'/config/vxlanId'" --set config.vxlanId=0
refusal "'/config/vxlanId'" --set-string config.vxlanId=5
refusal "'/config/mtu'" --set config.mtu=1279
refusal "'/config/masquerade'" --set config.masquerade=maybe
refusal "'/config/metricsListen'" --set config.metricsListen=
refusal "'/config/stateDir'" --set config.stateDir=var/lib
refusal "'/config/socket'" --set config.socket=/kpold.sock
refusal "'/image/pullPolicy'" --set image.pullPolicy=Sometimes
refusal "'/image/digest'" --set image.digest=sha256:12
refusal "'/uninstall'" --set uninstall=please
refusal "'/resources'.*'request'" --set resources.request.cpu=1
refusal "'/tolerations/0'.*'keys'" --set-json 'tolerations=[{"keys":"a"}]'
refusal "'/updateStrategy/rollingUpdate'.*'maxSurge'" --set updateStrategy.rollingUpdate.maxSurge=1
refusal "'/podLabels/app.kubernetes.io" --set-string 'podLabels.app\.kubernetes\.io/name=other'
refusal "'/podAnnotations/checksum" --set-string 'podAnnotations.checksum/config=other'

# A parent chart that contains this one.
mkdir -p "$scratch/parent/charts"
cp -r $chart "$scratch/parent/charts/kpol"
printf '%s\n' 'apiVersion: v2' 'name: parent' 'version: 1.0.0' >"$scratch/parent/Chart.yaml"
part() { from=$scratch/parent has DaemonSet $pod/containers/0/imagePullPolicy '"Always"' --set "$1"; }
check "as a subchart" part kpol.image.pullPolicy=Always
check "the parent chart may have globals" part kpol.image.pullPolicy=Always,global.region=x

say "Mutations that these tests must detect"
# broken FILE SCRIPT CHECK...: the check must fail on a copy that sed has changed.
broken() {
  local file=$1 script=$2
  shift 2
  rm -rf "$scratch/broken" && cp -r $chart "$scratch/broken"
  sed -i -E "$script" "$scratch/broken/$file"
  if cmp -s "$chart/$file" "$scratch/broken/$file"; then
    echo "sed changes nothing"
    return 1
  fi
  if from=$scratch/broken "$@" >"$scratch/noticed" 2>&1; then
    echo "not detected"
    return 1
  fi
  cat "$scratch/noticed"
  refuses grep -q Traceback "$scratch/noticed"
}
unbroken() { from=$scratch/parent/charts/kpol same_everywhere; }
check "an unchanged copy passes" unbroken
while read -r file script; do
  check "$file $script" broken "$file" "$script" same_everywhere
done <<'BREAKAGES'
values.yaml s/cpu: 20m/cpu: 30m/
values.yaml s/routing: auto/routing: direct/
values.yaml s/operator: Exists/key: a/
values.yaml s/maxUnavailable: 1/maxUnavailable: 2/
templates/rbac.yaml s/\[create\]/[create, patch]/
templates/rbac.yaml s/^  - .kind: ServiceAccount, name: kpol/&2/
templates/hold.yaml s/maxSurge: 1, maxUnavailable: 0/maxUnavailable: 1/
templates/hold.yaml s/drop: \[ALL\]/drop: []/
templates/hold.yaml s/, hold\]/]/
templates/configmap.yaml s/name: kpol-config/name: kpol-configs/
templates/daemonset.yaml s/hostNetwork: true/hostNetwork: false/
templates/daemonset.yaml s/drop: \[ALL\], add/add/
templates/daemonset.yaml s/, --idle//
templates/daemonset.yaml s/ternary 1 5/ternary 5 1/
templates/daemonset.yaml /automountServiceAccountToken/d
templates/daemonset.yaml /checksum.config/d
templates/daemonset.yaml s/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/
templates/daemonset.yaml s/failureThreshold: 60/failureThreshold: "60"/
templates/daemonset.yaml s/100%/1/
templates/_helpers.tpl s/, mountPropagation: HostToContainer//
templates/_helpers.tpl s/9464/9465/
templates/_helpers.tpl s/source: api/source: api\nmtu: 0/
templates/_helpers.tpl /managed-by/d
BREAKAGES
taken() { render --set config.sauce=api; }
refuses_sauce() { refuses taken; }
check "a schema that accepts every value" broken values.schema.json 's/"additionalProperties": false,//' refuses_sauce
check "a configuration that kpold rejects" broken templates/_helpers.tpl 's/^source: api/sauce: api/' kpold_takes

tell_count "Helm chart"
