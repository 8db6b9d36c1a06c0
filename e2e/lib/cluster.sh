# shellcheck shell=bash
# shellcheck disable=SC2154
# Sourced by both kinds of test cluster: all steps except the creation of the cluster.

# wait_for SECONDS WHAT CMD...: repeats CMD until it succeeds.
wait_for() {
  local seconds=$1 what=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || die "timed out waiting for $what ($seconds seconds); logs: $logs"
    sleep 0.2
  done
}

# The images of test pods and of kpol, each an archive in $dir/images.
test_images() { "$top/e2e/cluster/images/build.sh" "$dir/images"; }
kpol_image() {
  if [ -n "${KPOL_IMAGE:-}" ]; then
    cp "$KPOL_IMAGE" "$dir/images/kpol.tar"
  else
    "$top/packaging/image.sh" "$dir/images/kpol.tar"
  fi
}

install_kpol() {
  say "kpol"
  kubectl apply -k "$manifests" >/dev/null
}
wait_until_ready() {
  kubectl wait --for=condition=Ready nodes --all --timeout=120s >/dev/null || {
    kubectl get nodes,pods --all-namespaces -o wide >&2
    die "not all nodes are Ready; logs: $logs"
  }
}
