# shellcheck shell=bash
# Sourced by tests that need Docker: starts an engine that changes nothing on the machine.

# start_docker FOLDER: keeps its data in FOLDER; `docker` uses this engine. It runs in a network namespace
# that reaches the network only through slirp4netns: no bridge, no firewall rule, no forwarding.
start_docker() {
  docker_folder=$1 docker_name=$(basename "$1") dockerd='' slirp='' bootstrap=''
  mkdir -p "$docker_folder/config"
  export DOCKER_HOST=unix://$docker_folder/socket DOCKER_CONFIG=$docker_folder/config
  # The classic builder, which every Docker has.
  export DOCKER_BUILDKIT=0
  echo '{}' >"$docker_folder/config/daemon.json"
  # The name server of slirp4netns.
  echo "nameserver 10.0.2.3" >"$docker_folder/resolv.conf"
  ip netns add "$docker_name"
  ip -n "$docker_name" link set lo up
  slirp4netns --configure --disable-host-loopback --mtu=1500 --netns-type=path \
    "/run/netns/$docker_name" tap0 >"$docker_folder/slirp.log" 2>&1 &
  slirp=$!
  # Its mounts are removed with its mount namespace.
  # shellcheck disable=SC2016  # for the inner shell
  nsenter --net="/run/netns/$docker_name" unshare --mount --propagation private bash -euc '
    mount --bind "$1/resolv.conf" /etc/resolv.conf
    exec dockerd --host "$DOCKER_HOST" --data-root "$1/data" --exec-root "$1/exec" \
      --pidfile "$1/pid" --config-file "$1/config/daemon.json" --group root \
      --cgroup-parent "/$2" --bridge none --iptables=false --ip6tables=false --ip-forward=false' \
    bash "$docker_folder" "$docker_name" >"$docker_folder/dockerd.log" 2>&1 &
  dockerd=$!
  for _ in $(seq 300); do
    ! docker version >/dev/null 2>&1 || return 0
    kill -0 "$dockerd" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$docker_folder"/{dockerd,slirp}.log >&2
  die "dockerd did not start; see $docker_folder/dockerd.log"
}

# end_process PID: kills a child of this shell, and waits until it is gone.
end_process() {
  [ -n "$1" ] || return 0
  kill -TERM "$1" 2>/dev/null || true
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
# Also works if start_docker failed.
stop_docker() {
  [ -n "${docker_name:-}" ] || return 0
  end_process "$bootstrap"
  end_process "$dockerd"
  end_process "$slirp"
  ip netns del "$docker_name" || true
  find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name "$docker_name" -type d |
    while read -r cgroup; do find "$cgroup" -depth -type d -exec rmdir {} +; done
}

# make_base NAME [FOLDER]: creates an image of this machine's Debian release with only the base packages,
# and the package sources of this machine. FOLDER is copied into it, to the same path. The environment
# variables of the compiler cache are this shell's.
make_base() {
  local base=$docker_folder/base mirror variable changes=()
  mirror=$(debian_mirror) || exit 1
  # shellcheck source=/dev/null
  unshare --mount --pid --fork --kill-child debootstrap --variant=minbase \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$base" "$mirror" \
    >"$docker_folder/debootstrap.log" 2>&1 &
  bootstrap=$!
  wait "$bootstrap" || {
    tail "$docker_folder/debootstrap.log" >&2
    die "debootstrap failed"
  }
  bootstrap=''
  # shellcheck disable=SC2016  # apt's own variables
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' >"$base/etc/apt/sources.list"
  cp -r /etc/apt/apt.conf.d "$base/etc/apt/"
  # As in Debian's own images, packages are unpacked without fsync.
  echo force-unsafe-io >"$base/etc/dpkg/dpkg.cfg.d/docker-apt-speedup"
  rm -rf "$base"/var/lib/apt/lists/* "$base"/var/cache/apt/archives/*.deb
  [ ! -d "${2:-}" ] || { mkdir -p "$base$2" && cp -a "$2/." "$base$2/"; }
  for variable in LANG LC_ALL LC_CTYPE LC_MESSAGES KPOL_WERROR; do
    [ -z "${!variable+given}" ] || changes+=(--change "ENV $variable=${!variable}")
  done
  tar -C "$base" -c . | docker import "${changes[@]}" - "$1" >/dev/null
  rm -rf "$base"
}
