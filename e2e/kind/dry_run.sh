#!/usr/bin/env bash
# Runs the scripts of e2e/kind without Docker: with the real kind, and stand-ins for docker and kubectl.
# Prints every command that would run (kind's own are indented, its queries omitted), and checks what
# can be checked without a cluster.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# kpol never starts here, so an empty image is enough.
# shellcheck source=e2e/cluster/images/image.sh
. e2e/cluster/images/image.sh
mkdir "$scratch/nothing" "$scratch/containers"
make_image "$scratch/nothing" registry.local/kpol:dev '{}' "$scratch/kpol.tar"
: >"$scratch/images"
KPOL_STAND_IN_KIND=$(e2e/kind/program/build.sh)
export KPOL_STAND_IN_KIND KPOL_STAND_IN=$scratch KPOL_IMAGE=$scratch/kpol.tar
export KPOL_CLUSTER=$scratch/kpol-dry PATH=$PWD/e2e/kind/stand_in:$PATH
mkdir "$KPOL_CLUSTER"

# shellcheck source=e2e/kind/driver.sh
. e2e/kind/driver.sh
# shellcheck source=e2e/tests/lib.sh
. e2e/tests/lib.sh
explain_failure() { :; }

# The functions and (with a $) variables that a driver defines when it is sourced.
given_by() {
  # shellcheck disable=SC2016
  bash -c 'compgen -v | sort >"$2"
    . "e2e/$1/driver.sh"
    compgen -A function
    compgen -v | sort | comm -13 "$2" - | sed "s/^/$/"' _ "$1" "$scratch/before-$1" | sort -u
}
tests_use_only_what_both_drivers_give() {
  local word use
  while read -r word; do
    case $word in
      \$*) use="[\$][{]?${word#?}([^[:alnum:]_]|\$)" ;;
      *) use="(^|[^[:alnum:]_.-])$word([^[:alnum:]_:-]|\$)" ;;
    esac
    ! grep -nE "$use" e2e/tests/*.sh || fail "only one driver has $word"
  done < <(comm -3 <(given_by cluster) <(given_by kind) | tr -d '\t')
}

configured() { sed -n "s/^ *$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" "$scratch/containers/$control_plane/kubeadm.conf" | sort -u; }
# shellcheck disable=SC2016
of_our_cluster() { bash -c '. e2e/cluster/lib.sh && echo "${!1}"' _ "$1"; }
# is_as_ours MODE
is_as_ours() {
  equals "$(grep -l 'kindest/node' "$scratch"/containers/*/run | xargs -n 1 dirname | xargs -n 1 basename | xargs)" \
    "$control_plane $node1 $node2"
  equals "$(configured podSubnet)" "$(of_our_cluster pod_cidrs)"
  equals "$(configured serviceSubnet)" "$(of_our_cluster service_cidrs)"
  equals "$(configured mode)" "$1"
}
has_no_other_network() { ! grep default-cni "$scratch/commands"; }
nodes_have_the_images() {
  local node image
  grep -rhoE 'image: "?[a-z][^" ,}]+' manifests/{base,uninstall} e2e/tests | sed 's/.* "\{0,1\}//' |
    sort -u >"$scratch/named"
  equals "$(wc -l <"$scratch/named")" 2
  for node in "$control_plane" "$node1" "$node2"; do
    while read -r image; do
      grep -qx "$image" "$scratch/containers/$node/images" || fail "$node does not have $image"
    done <"$scratch/named"
  done
}
kpol_comes_last() {
  equals "$(grep -v '^ ' "$scratch/commands" | tail -2)" \
    "kubectl --kubeconfig $dir/kubeconfig apply -k $PWD/manifests/overlays/kind
kubectl --kubeconfig $dir/kubeconfig wait --for=condition=Ready nodes --all --timeout=120s"
}

# commands_of WORD...: the commands that it runs, in one line.
commands_of() {
  : >"$scratch/commands"
  "$@" >/dev/null
  paste -sd';' "$scratch/commands"
}
words_mean() {
  local outside="docker exec $machine_outside" v4
  v4=$(v4_of outside)
  equals "$v4 $(v6_of outside)" "172.18.0.5 fc00:f853:ccd:e793::5"
  equals "$(commands_of on_node "$node1" ip route)" "docker exec $node1 ip route"
  equals "$(commands_of outside ip addr)" "$outside ip addr"
  equals "$(commands_of outside_gains 203.0.113.1 | cut -d';' -f2-)" \
    "$outside ip addr add 203.0.113.1/32 dev lo;docker exec $node1 ip route replace 203.0.113.1 via $v4;docker exec $node2 ip route replace 203.0.113.1 via $v4"
  equals "$(commands_of outside_loses 203.0.113.1)" \
    "$outside ip addr del 203.0.113.1/32 dev lo;docker exec $node1 ip route del 203.0.113.1;docker exec $node2 ip route del 203.0.113.1"
  part stop "$node2"
  ! on_node "$node2" ip route || fail "$node2 still runs"
  part start "$node2"
  on_node "$node2" ip route
  part stop kube-apiserver
  part start kube-apiserver
  equals "$(with_kubeconfig printenv KUBECONFIG)" "$dir/kubeconfig"
  make_image "$scratch/nothing" registry.local/kpol:other '{}' "$scratch/other.tar"
  load_image "$scratch/other.tar"
  grep -qx registry.local/kpol:other "$scratch/containers/$node1/images" || fail "the image was not loaded"
  start_outside server probe serve tcp/80
  end_outside server
}
nothing_is_left() {
  equals "$(ls "$scratch/containers")" ""
  equals "$(ls "$dir")" "$(printf 'check.log\nlog')"
}

check "tests use only names that both drivers have" tests_use_only_what_both_drivers_give
check "up" cluster_up
say "Commands"
grep -vE '^ +docker (-v|info|inspect|ps) ?' "$scratch/commands" | sed "s|$scratch|DIR|g; s|$PWD|.|g"
say "Checks"
check "kind has the same configuration as our own cluster" is_as_ours nftables
check "no other network is installed" has_no_other_network
check "nodes have the images of manifests and tests" nodes_have_the_images
check "kpol is installed last" kpol_comes_last
check "the functions for tests run the right commands" words_mean
check "down" cluster_down
check "nothing is left" nothing_is_left
check "up, with kube-proxy's other mode" cluster_up --kube-proxy iptables
check "kube-proxy has that mode" is_as_ours iptables
check "down" cluster_down
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
