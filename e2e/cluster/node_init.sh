#!/usr/bin/env bash
# Process 1 of a node: containerd, kubelet and kube-proxy in namespaces of their own. It never exits
# by itself; bash reaps the containers' shims, which are orphans by design.
# node_init.sh NAME IPV4,IPV6 KUBE_PROXY_MODE
set -euo pipefail
name=$1 addresses=$2 kube_proxy_mode=$3
# shellcheck source=e2e/cluster/lib.sh
. "$(dirname "$0")/lib.sh"
node=$dir/nodes/$name
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# The paths in manifests, separate for each node.
own_folders() {
  local folder
  for folder in var/lib/kubelet var/lib/containerd var/lib/cni var/lib/kpol etc/cni opt/cni \
    var/log/pods var/log/containers; do
    mkdir -p "/$folder"
    mount --bind "$node/$folder" "/$folder"
  done
  mount -t tmpfs -o mode=755 run /run
  mkdir -p /run/netns /run/lock /run/containerd
  mount --bind "$node/resolv.conf" /etc/resolv.conf
}
# A sysfs of this network namespace, with the node's cgroups as root.
own_cgroups() {
  local controller
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
  done
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
}
# The kubelet sets these sysctls for the whole machine, so files are mounted over them.
pretend_sysctls() {
  local setting file
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=$node/sysctl/$(echo "${setting%=*}" | tr / _)
    mkdir -p "$node/sysctl"
    echo "${setting#*=}" >"$file"
    [ ! -e "/proc/sys/${setting%=*}" ] || mount --bind "$file" "/proc/sys/${setting%=*}"
  done
}

write_containerd_config() {
  cat >"$node/containerd.toml" <<END
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:1"
  # Without CAP_SYS_RESOURCE no process can lower a score, and every sandbox would fail.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
END
}
write_kubelet_config() {
  cat >"$node/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/$name-serving.crt
tlsPrivateKeyFile: $pki/$name-serving.key
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
oomScoreAdj: 0
maxOpenFiles: 16384
clusterDNS: ["$service_dns"]
clusterDomain: cluster.local
resolvConf: $node/resolv.conf
evictionHard: {memory.available: 10Mi, nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 2s
syncFrequency: 20s
serializeImagePulls: false
makeIPTablesUtilChains: $([ "$kube_proxy_mode" = iptables ] && echo true || echo false)
END
}
write_kube_proxy_config() {
  cat >"$node/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: $kube_proxy_mode
clientConnection: {kubeconfig: $pki/proxy.kubeconfig}
clusterCIDR: "$pod_cidrs"
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
healthzBindAddress: 0.0.0.0:10256
metricsBindAddress: 127.0.0.1:10249
END
}

# Restarts it when it exits, as an init system does, except while /run/hold.NAME exists.
keep() {
  local program=$1
  shift
  (
    while :; do
      "$@" >>"$dir/log/$name-$program.log" 2>&1 || echo "$program exited: $?" >>"$dir/log/$name-$program.log"
      sleep 0.5
      while [ -e "/run/hold.$program" ]; do sleep 0.5; done
    done
  ) &
}

hostname "$name"
own_folders
own_cgroups
pretend_sysctls
mount --make-rshared /
write_containerd_config
write_kubelet_config
write_kube_proxy_config

keep containerd containerd -c "$node/containerd.toml"
wait_for 30 "containerd of $name" ctr version
for images in "$dir"/images/*.tar; do ctr -n k8s.io images import "$images"; done
keep kubelet "$dir/bin/kubelet" --config="$node/kubelet.yaml" --kubeconfig="$pki/$name.kubeconfig" \
  --root-dir=/var/lib/kubelet --hostname-override="$name" --node-ip="$addresses" -v=2
[ "$kube_proxy_mode" = none ] || keep kube-proxy "$dir/bin/kube-proxy" \
  --config="$node/kube-proxy.yaml" --hostname-override="$name" -v=2
while :; do
  wait || true
  sleep 1
done
