#!/usr/bin/env bash
# Builds Helm, and what renders kustomizations, or finds those built before, and prints their folder:
# `helm` and `kustomize` are in it. Two minutes on two cores the first time.
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../e2e/lib/packages.sh

version=$(sed -n 's/^\thelm.sh\/helm\/v4 v//p' go.mod)
key=$(cat go.mod go.sum main.go build.sh | sha256sum | cut -c1-16)
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
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$flags" -o "$building/helm" \
    helm.sh/helm/v4/cmd/helm >&2
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$building/kustomize" . >&2
  # Another build may have come first.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
