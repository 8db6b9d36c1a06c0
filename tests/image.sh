#!/usr/bin/env bash
# Builds the container image and checks it: three programs that run with nothing else in the file system,
# one layer, and the same bytes when it is built again.
#
#   tests/image.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. tests/packaging/checks.sh
. tests/packaging/inside.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

packaging/image.sh "$scratch/one.tar" registry.example/kpol:test
mkdir -p "$scratch"/{image,root,programs}
tar -C "$scratch/image" -xf "$scratch/one.tar"
layers=("$scratch"/image/*.tar)
tar -C "$scratch/root" -xf "${layers[0]}"
config=$(echo "$scratch"/image/[0-9a-f]*.json)

check "one layer" test "${#layers[@]}" = 1
check "the three programs and nothing else" diff \
  <(printf '%s\n' usr/bin/kpol usr/bin/kpolctl usr/bin/kpold) \
  <(cd "$scratch/root" && find . -type f -printf '%P\n' | sort)
check "the image has the given name" grep -q '"RepoTags":\["registry.example/kpol:test"\]' "$scratch/image/manifest.json"
check "the layer has the digest in the configuration" \
  grep -q "sha256:$(sha256sum "${layers[0]}" | cut -d' ' -f1)" "$config"
check "labels" grep -q '"org.opencontainers.image.version": "[0-9]' "$config"
check "the entrypoint" grep -q '"Entrypoint": \["/usr/bin/kpold"\]' "$config"
check "only root can write to it" test -z "$(find "$scratch/root" -perm /022 ! -type l)"

root=$scratch/root
check "kpold runs" inside "$root" /usr/bin/kpold --version
check "kpolctl runs" inside "$root" /usr/bin/kpolctl --version
mkdir "$scratch/root/bin-dir"
check "kpold installs the plugin" inside "$root" /usr/bin/kpold --install-cni --cni-bin-dir /bin-dir
check "the installed plugin is the one in the image" cmp "$scratch/root/usr/bin/kpol" "$scratch/root/bin-dir/kpol"
version() {
  CNI_COMMAND=VERSION inside "$root" /bin-dir/kpol <<<'{"cniVersion":"1.0.0"}' | grep supportedVersions
}
check "the installed plugin runs" version
check "wrong usage is rejected" refuses packaging/image.sh "$scratch/two.tar" no-tag

cp "$scratch"/root/usr/bin/* "$scratch/programs/"
touch -d '2001-01-01' "$scratch"/programs/*
check "build the image again" env KPOL_PROGRAMS="$scratch/programs" \
  packaging/image.sh "$scratch/two.tar" registry.example/kpol:test
check "it has the same bytes" cmp "$scratch/one.tar" "$scratch/two.tar"

tell_count "Image"
