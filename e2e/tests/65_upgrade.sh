# shellcheck shell=bash
# shellcheck disable=SC2154
# kpol is replaced by another version and restored during traffic.
#
# KPOL_OTHER_IMAGE=FILE is an archive with registry.local/kpol:other, of a version that differs in more
# than its bytes.

# shellcheck source=e2e/tests/traffic.sh
. e2e/tests/traffic.sh
# shellcheck source=e2e/cluster/images/image.sh
. e2e/cluster/images/image.sh

# unpacked ARCHIVE FOLDER: the files of an image of one layer.
unpacked() {
  mkdir -p "$2"
  tar -xOf "$1" "$(tar -xOf "$1" manifest.json | grep -oE '[0-9a-z]+(/layer)?\.tar' | head -1)" |
    tar -xC "$2"
}
# The same programs with one byte appended each: different files that run alike.
make_other_image() {
  local archive=$dir/images/kpol-other.tar program
  rm -rf "$dir/unpacked"
  unpacked "$dir/images/kpol.tar" "$dir/unpacked/dev"
  if [ -n "${KPOL_OTHER_IMAGE:-}" ]; then
    cp "$KPOL_OTHER_IMAGE" "$archive"
    unpacked "$archive" "$dir/unpacked/other"
  else
    cp -r "$dir/unpacked/dev" "$dir/unpacked/other"
    for program in "$dir"/unpacked/other/usr/bin/*; do echo >>"$program"; done
    make_image "$dir/unpacked/other" registry.local/kpol:other '{"Env": ["PATH=/usr/bin"]}' "$archive"
  fi
  load_image "$archive"
  make_traffic
}

# apply_own TAG [LINE]: applies a kustomization as in docs/install.md; LINE is added to the configuration.
apply_own() {
  local folder=$dir/kustomization
  mkdir -p "$folder"
  cat >"$folder/kustomization.yaml" <<END
resources: [$(realpath --relative-to "$folder" "$manifests")]
images: [{name: registry.local/kpol, newTag: $1}]
configMapGenerator: [{name: kpol-config, namespace: kube-system, behavior: replace, files: [kpold.yaml]}]
generatorOptions: {disableNameSuffixHash: true}
END
  { cat "$top/manifests/base/kpold.yaml" && echo "${2:-}"; } >"$folder/kpold.yaml"
  kubectl apply -k "$folder" >/dev/null
}
# young: starts a new pod on each node, $far and $near.
young() {
  far=young-far-$SECONDS near=young-near-$SECONDS
  { pod "e2e-traffic/$far" "$node1" '{may: enter}' && pod "e2e-traffic/$near" "$node2" '{}'; } |
    kubectl apply -f - >/dev/null
}
young_have_verdicts() {
  kubectl -n e2e-traffic wait --for=condition=Ready "pod/$far" "pod/$near" --timeout=60s
  settled
  expect <<END
e2e-traffic/$far service:e2e-traffic/server tcp/80 allowed
e2e-traffic/$near service:e2e-traffic/server tcp/80 denied
e2e-traffic/$far e2e-traffic/$near tcp/8080 allowed
END
}
mtu_of() { run_in "e2e-traffic/$1" 'cat /sys/class/net/eth0/mtu'; }
images_run() {
  kubectl -n kube-system get pods -l app.kubernetes.io/name=kpol \
    -o 'jsonpath={range .items[*]}{.spec.containers[0].image}{"\n"}{end}' | sort -u
}
# version_is dev|other: every node runs this version of kpold and has its plugin.
version_is() {
  local node
  equals "$(images_run)" "registry.local/kpol:$1"
  for node in "$node1" "$node2"; do
    equals "$(on_node "$node" sha256sum /opt/cni/bin/kpol | cut -c1-64)" \
      "$(sha256sum "$dir/unpacked/$1/usr/bin/kpol" | cut -c1-64)"
  done
}

# The image and the configuration change and are restored. A pod that starts meanwhile may have either configuration.
there_and_back() {
  local mtu
  mtu=$(mtu_of may-far)
  begin
  apply_own other "mtu: 1300"
  young
  rolled_out
  version_is other
  young_have_verdicts
  young
  young_have_verdicts
  equals "$(mtu_of "$far")" 1300
  kubectl apply -k "$manifests" >/dev/null
  young
  rolled_out
  version_is dev
  young_have_verdicts
  on_node "$node1" grep -E "\"mtu\": ?$mtu\\>" /etc/cni/net.d/10-kpol.conflist
  no_wrong_verdict
}
# An image that cannot start replaces the kpold of one node only, then the rollout stops.
not_startable_and_back() {
  begin
  apply_own none
  eventually 30 one_waits
  young
  eventually 30 starts_on_the_other_node
  equals "$(kubectl -n kube-system get daemonset kpol -o 'jsonpath={.status.numberUnavailable}')" 1
  nothing_got_in
  kubectl -n kube-system rollout undo daemonset/kpol >/dev/null
  rolled_out
  version_is dev
  young_have_verdicts
  no_wrong_verdict
}
starts_on_the_other_node() {
  equals "$(kubectl -n e2e-traffic get pods "$far" "$near" -o 'jsonpath={.items[*].status.phase}' |
    tr ' ' '\n' | sort | xargs)" "Pending Running"
}
one_waits() {
  kubectl -n kube-system get pods -l app.kubernetes.io/name=kpol \
    -o 'jsonpath={.items[*].status.initContainerStatuses[*].state.waiting.reason}' | grep -E 'ErrImage|ImagePull'
}

check "upgrade: make another version, start traffic under a policy" make_other_image
check "upgrade: to the other version and back, while pods start" patiently there_and_back
check "upgrade: to an image that cannot start, then rollout undo" patiently not_startable_and_back
check "upgrade: delete the test objects" forget
