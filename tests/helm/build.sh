#!/usr/bin/env bash
# Builds `helm` and `kustomize`, unless they were built before, and prints their folder. The first build
# takes two minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../e2e/lib/packages.sh
# shellcheck source=e2e/lib/go.sh
. ../../e2e/lib/go.sh

version=$(sed -n 's/^\thelm.sh\/helm\/v4 v//p' go.mod)
key=$(cat go.mod go.sum main.go build.sh ../../e2e/lib/go.sh | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kpol
folder=$cache/helm-$version-$key

if [ ! -d "$folder" ]; then
  command -v go >/dev/null || die "Go is needed to build Helm $version: install 1.26 or newer"
  say "Building Helm $version, once: this takes some minutes" >&2
  mkdir -p "$cache"
  building=$(mktemp -d "$folder.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  chmod 755 "$building"
  flags="-s -w -X helm.sh/helm/v4/internal/version.version=v$version"
  go_build "$building/helm" -ldflags "$flags" helm.sh/helm/v4/cmd/helm
  go_build "$building/kustomize" -ldflags "-s -w" .
  # Another process may have finished first.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
