#!/usr/bin/env bash
# Builds kind, or finds the one built before, and prints its path. Half a minute the first time.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../lib/packages.sh
# shellcheck source=e2e/lib/go.sh
. ../../lib/go.sh

version=$(sed -n 's/^\tsigs.k8s.io\/kind \(v[^ ]*\).*/\1/p' go.mod)
key=$(cat go.mod go.sum build.sh ../../lib/go.sh | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kpol
binary=$cache/kind-$version-$key

if [ ! -x "$binary" ]; then
  command -v go >/dev/null || die "there is no kind, and no Go 1.26 or newer to build it: https://kind.sigs.k8s.io"
  say "Building kind $version, once" >&2
  mkdir -p "$cache"
  go_build "$binary.$$" -ldflags '-s -w' sigs.k8s.io/kind
  mv "$binary.$$" "$binary"
fi
echo "$binary"
