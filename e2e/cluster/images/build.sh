#!/usr/bin/env bash
# build.sh DIR: the images of the test cluster's pods, made from nothing: registry.local/pause:1, and
# registry.local/test:1, which has a static busybox and the probe.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../lib/packages.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# make_image ROOT NAME CMD OUT.tar: an archive as `docker save` writes it, of one layer.
make_image() {
  local root=$1 name=$2 command=$3 archive=$4 parts=$work/parts digest
  mkdir -p "$parts"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$parts/layer.tar" .
  digest=$(sha256sum "$parts/layer.tar" | cut -d' ' -f1)
  cat >"$parts/config.json" <<END
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {"Env": ["PATH=/bin"], "Cmd": $command, "WorkingDir": "/"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
END
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" \
    >"$parts/manifest.json"
  tar -C "$parts" -cf "$archive" manifest.json config.json layer.tar
}

say "Images of the test pods"
mkdir -p "$work/pause" "$work/test"/{bin,etc,tmp,root}
g++ -O2 -static -o "$work/pause/pause" pause.cpp
# getaddrinfo is asked for numbers only, so glibc's warning of libraries it would load is void.
g++ -std=c++20 -O2 -static -Wl,--no-warnings -o "$work/test/bin/probe" probe.cpp 2>/dev/null ||
  g++ -std=c++20 -O2 -static -o "$work/test/bin/probe" probe.cpp
cp "$(command -v busybox)" "$work/test/bin/busybox"
for applet in $(busybox --list); do
  [ "$applet" = busybox ] || ln -s busybox "$work/test/bin/$applet"
done
echo root:x:0:0:root:/root:/bin/sh >"$work/test/etc/passwd"
echo root:x:0: >"$work/test/etc/group"
mkdir -p "$out"
make_image "$work/pause" registry.local/pause:1 '["/pause"]' "$out/pause.tar"
make_image "$work/test" registry.local/test:1 '["probe", "serve", "tcp/8080", "udp/5353"]' \
  "$out/test.tar"
