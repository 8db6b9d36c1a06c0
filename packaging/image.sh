#!/usr/bin/env bash
# Builds kpol's container image without Docker: three static programs and nothing else (no shell, no
# libraries), as an archive that `ctr images import`, `docker load` and `kind load image-archive` read.
#
#   packaging/image.sh OUT.tar [NAME:TAG]       default name registry.local/kpol:dev
#
# The same sources give the same bytes wherever and whenever they are built by the same compiler.
# KPOL_PROGRAMS=FOLDER packs kpol, kpold and kpolctl from that folder instead of building them.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. packaging/lib/programs.sh

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${1#-}" != "$1" ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
out=$(realpath -m "$1")
name=${2:-registry.local/kpol:dev}
[[ $name =~ ^[a-z0-9./:_-]+:[A-Za-z0-9._-]+$ ]] || die "the image's name must be NAME:TAG, not \"$name\""

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/image"
image_root "$scratch/root"

# pack FOLDER FILE [NAME...]: the same bytes for the same content.
pack() {
  local folder=$1 file=$2
  shift 2
  tar --sort=name --format=ustar --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
    --mode=u+rwX,go+rX,go-w -C "$folder" -cf "$file" "${@:-.}"
}
epoch=$(source_epoch)
created=$(date --utc --date "@$epoch" +%Y-%m-%dT%H:%M:%SZ)

pack "$scratch/root" "$scratch/layer.tar" run usr var
layer=$(sha256sum "$scratch/layer.tar" | cut -d' ' -f1)
mv "$scratch/layer.tar" "$scratch/image/$layer.tar"

# Of all that is linked in (packaging/debian/copyright).
licenses="Apache-2.0 AND BSD-3-Clause AND BSL-1.0 AND GPL-2.0-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1 AND LGPL-2.1-or-later AND MIT"
cat >"$scratch/config.json" <<CONFIG
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "created": "$created",
 "config": {"Entrypoint": ["/usr/bin/kpold"], "Env": ["PATH=/usr/bin"], "WorkingDir": "/",
  "Labels": {"org.opencontainers.image.title": "kpol",
   "org.opencontainers.image.description": "CNI plugin and NetworkPolicy engine on nftables",
   "org.opencontainers.image.licenses": "$licenses",
   "org.opencontainers.image.version": "$(project_version)",
   "org.opencontainers.image.revision": "$(source_revision)",
   "org.opencontainers.image.created": "$created"}},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
 "history": [{"created": "$created", "created_by": "packaging/image.sh"}]}
CONFIG
config=$(sha256sum "$scratch/config.json" | cut -d' ' -f1)
mv "$scratch/config.json" "$scratch/image/$config.json"
printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s.tar"]}]\n' "$config" "$name" "$layer" \
  >"$scratch/image/manifest.json"

mkdir -p "$(dirname "$out")"
pack "$scratch/image" "$scratch/out.tar" manifest.json "$config.json" "$layer.tar"
mv "$scratch/out.tar" "$out"
say "$name: $(($(stat -c %s "$out") / 1024)) KiB in $out (sha256 $(sha256sum "$out" | cut -c1-12))"
