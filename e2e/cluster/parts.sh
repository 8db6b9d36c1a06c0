# shellcheck shell=bash
# Sourced by `up` and `part`: starts and stops the parts of a cluster.

# shellcheck source=e2e/cluster/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# namespace_on_switch NAME IPV4 IPV6
namespace_on_switch() {
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip -n "$prefix-l2" link add "${1#"$prefix"-}" type veth peer name eth0 netns "$1"
  ip -n "$prefix-l2" link set "${1#"$prefix"-}" master br0 up
  ! has_v4 || ip -n "$1" addr add "$2/24" dev eth0
  ! has_v6 || ip -n "$1" addr add "$3/64" dev eth0 nodad
  ip -n "$1" link set eth0 up
}

# on_control_plane NAME CMD...
on_control_plane() {
  local name=$1
  shift
  setsid nsenter --net="/run/netns/$prefix-cp" "$@" >>"$dir/log/$name.log" 2>&1 </dev/null &
  record $! "$name"
  disown $!
}
start_etcd() {
  mkdir -p "$dir/etcd"
  chmod 700 "$dir/etcd"
  on_control_plane etcd "$dir/bin/etcd" --name e2e --data-dir "$dir/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster e2e=http://127.0.0.1:2380
}
start_apiserver() {
  on_control_plane kube-apiserver "$dir/bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$control_plane" \
    --service-cluster-ip-range="$service_cidrs" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --client-ca-file="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true --kubelet-client-certificate="$pki/kubelet-client.crt" \
    --kubelet-client-key="$pki/kubelet-client.key" --kubelet-certificate-authority="$pki/ca.crt" \
    --kubelet-preferred-address-types=InternalIP --requestheader-client-ca-file="$pki/ca.crt" \
    --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --profiling=false -v=2
  wait_for 90 "the API server" kubectl get --raw /readyz
}
# These two exit if they start before the API server has created its RBAC roles.
start_controllers() {
  local masks
  case $families in
    ipv4) masks=(--node-cidr-mask-size=24) ;;
    ipv6) masks=(--node-cidr-mask-size=64) ;;
    *) masks=(--node-cidr-mask-size-ipv4=24 --node-cidr-mask-size-ipv6=64) ;;
  esac
  on_control_plane kube-controller-manager "$dir/bin/kube-controller-manager" \
    --kubeconfig="$pki/controllers.kubeconfig" \
    --authentication-kubeconfig="$pki/controllers.kubeconfig" \
    --authorization-kubeconfig="$pki/controllers.kubeconfig" --bind-address=127.0.0.1 \
    --leader-elect=false --use-service-account-credentials=true \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --allocate-node-cidrs=true --cluster-cidr="$pod_cidrs" "${masks[@]}" --service-cluster-ip-range="$service_cidrs" \
    --kube-api-qps=500 --kube-api-burst=1000 --profiling=false -v=2
  on_control_plane kube-scheduler "$dir/bin/kube-scheduler" \
    --kubeconfig="$pki/scheduler.kubeconfig" \
    --authentication-kubeconfig="$pki/scheduler.kubeconfig" \
    --authorization-kubeconfig="$pki/scheduler.kubeconfig" --bind-address=127.0.0.1 \
    --leader-elect=false --profiling=false -v=2
}

make_cgroups() {
  local controller
  for controller in /sys/fs/cgroup/*/; do
    [ "$(basename "$controller")" != unified ] || continue
    mkdir -p "$controller$1"
    [ ! -e "$controller/cpuset.cpus" ] || {
      cat "$controller/cpuset.cpus" >"$controller$1/cpuset.cpus"
      cat "$controller/cpuset.mems" >"$controller$1/cpuset.mems"
    }
  done
}
# start_node K
start_node() {
  local name=n$1 namespace=$prefix-n$1 folder
  namespace_on_switch "$namespace" "$(node_v4 "$1")" "$(node_v6 "$1")"
  ! has_v4 || ip -n "$namespace" route add default via "$control_plane_v4"
  ! has_v6 || ip -n "$namespace" route add default via "$control_plane_v6"
  for folder in var/lib/kubelet var/lib/containerd var/lib/cni var/lib/kpol etc/cni/net.d \
    opt/cni/bin var/log/pods var/log/containers; do
    mkdir -p "$dir/nodes/$name/$folder"
  done
  cp /usr/lib/cni/* "$dir/nodes/$name/opt/cni/bin/"
  echo "nameserver $service_dns" >"$dir/nodes/$name/resolv.conf"
  make_cgroups "$namespace"
  (
    for controller in /sys/fs/cgroup/*/"$namespace"; do echo $BASHPID >"$controller/cgroup.procs"; done
    exec setsid nsenter --net="/run/netns/$namespace" unshare --mount --propagation private --uts \
      --ipc --cgroup --pid --fork --kill-child=SIGKILL --mount-proc \
      env KPOL_CLUSTER="$dir" bash "$here/node_init.sh" "$name" "$(of_families "$(node_v4 "$1")" "$(node_v6 "$1")")" \
      "$(cat "$dir/kube-proxy-mode")" >>"$dir/log/$name.log" 2>&1 </dev/null
  ) &
  record $! "node-$name"
  disown $!
}

# end_part NAME: kills it and waits until it is gone. Killing process 1 of a node kills all its
# processes; its mounts are removed with its mount namespace.
end_part() {
  local outer pid=
  outer=$(pid_of "$1") || return 0
  case $1 in
    node-*) read -r pid _ <"/proc/$outer/task/$outer/children" || true ;;
    *) pid=$outer ;;
  esac
  [ -z "$pid" ] || kill -KILL "$pid"
  wait_for 10 "the end of $1" has_ended "$1"
}
has_ended() { ! pid_of "$1" >/dev/null; }

cgroups() { find /sys/fs/cgroup -mindepth 2 -maxdepth 2 -name "$1"; }
# remove_cgroups PATTERN: a cgroup can be removed only after its last process was reaped.
remove_cgroups() {
  for _ in $(seq 50); do
    [ -n "$(cgroups "$1")" ] || return 0
    cgroups "$1" | while read -r cgroup; do
      find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    sleep 0.1
  done
  die "cannot remove cgroups: $(cgroups "$1" | tr '\n' ' ')"
}
