#!/usr/bin/env bash
# Builds Kubernetes' programs as one binary, or finds the one built before, and prints its path.
# Five minutes on two cores the first time. KUBE_BIN=DIR: take the programs in there instead.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../lib/packages.sh
# shellcheck source=e2e/lib/go.sh
. ../../lib/go.sh

version=$(sed -n 's/^\tk8s.io\/kubernetes v//p;s/^require k8s.io\/kubernetes v//p' go.mod | head -1)
key=$(cat go.mod go.sum main.go build.sh ../../lib/go.sh | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kpol
binary=$cache/kubernetes-$version-$key

if [ ! -x "$binary" ]; then
  command -v go >/dev/null || die "Go is needed to build Kubernetes $version: install 1.26 or newer, or set KUBE_BIN to a folder with its programs"
  say "Building Kubernetes $version, once: this takes some minutes" >&2
  mkdir -p "$cache"
  major=${version%%.*}
  minor=${version#*.}
  flags="-s -w"
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=$major"
    flags+=" -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
  done
  go_build "$binary.$$" -ldflags "$flags" .
  mv "$binary.$$" "$binary"
fi
echo "$binary"
