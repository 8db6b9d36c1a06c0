# shellcheck shell=bash
# Sourced: makes container images from nothing, without a registry or a daemon.

# make_image ROOT NAME CONFIG OUT.tar: an archive as `docker save` writes it, of one layer. CONFIG is
# the JSON object of the image's config.
make_image() {
  local root=$1 name=$2 config=$3 archive=$4 parts digest
  parts=$(mktemp -d)
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$parts/layer.tar" .
  digest=$(sha256sum "$parts/layer.tar" | cut -d' ' -f1)
  cat >"$parts/config.json" <<END
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "config": $config,
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
END
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" \
    >"$parts/manifest.json"
  tar -C "$parts" -cf "$archive" manifest.json config.json layer.tar
  rm -r "$parts"
}
