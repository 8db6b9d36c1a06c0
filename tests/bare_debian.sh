#!/usr/bin/env bash
# Runs the quickstart on a Debian of this machine's release that has nothing but its own packages: made
# by debootstrap, entered by chroot, without a compiler's cache. Prints what it took. As root; takes
# minutes, so continuous integration leaves it out.
#
#   tests/bare_debian.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

ensure_packages docker ci
root=$(mktemp -d /var/tmp/kpol-bare.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT

chmod 755 "$root" # apt reads there as another user
say "A bare Debian"
debootstrap --variant=minbase "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$root" \
  "$(debian_mirror)" >"$root.log" 2>&1 || { tail "$root.log" && die "debootstrap failed"; }
rm "$root.log"
# The archives that this machine knows.
# shellcheck disable=SC2016  # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages' 'Origin: Debian' >"$root/etc/apt/sources.list"
cp -r /etc/apt/apt.conf.d "$root/etc/apt/"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
rm -rf "$root"/var/lib/apt/lists/*
git clone --quiet "$PWD" "$root/usr/src/kpol"

say "The quickstart, everything included"
since=$SECONDS
# Its mounts and processes end with it.
# shellcheck disable=SC2016  # the inner shell expands it
unshare --mount --pid --fork --kill-child --propagation private bash -euo pipefail -c '
  mount --bind "$1" "$1"
  mount --bind "$1/run" "$1/run"
  mount -t proc proc "$1/proc"
  mount -t sysfs sysfs "$1/sys"
  mount --rbind /dev "$1/dev"
  exec chroot "$1" env --chdir=/usr/src/kpol HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    CCACHE_DISABLE=1 e2e/quickstart.sh
' bash "$root"
say "$((SECONDS - since)) s on a bare Debian"
