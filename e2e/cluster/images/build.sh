#!/usr/bin/env bash
# build.sh DIR: the images of the test cluster's pods, made from nothing: registry.local/pause:1, and
# registry.local/test:1, which has a static busybox and the probe; the probe is put there as a file too.
# They are built once and kept in ~/.cache/kpol.
set -euo pipefail
out=$1
cd "$(dirname "$0")"
# shellcheck source=e2e/lib/packages.sh
. ../../lib/packages.sh
# shellcheck source=e2e/cluster/images/image.sh
. image.sh

key=$({ cat ./*.sh ./*.cpp "$(command -v busybox)" && g++ --version; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kpol
folder=$cache/images-$key

# build_images FOLDER
build_images() {
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
  cp "$work/test/bin/probe" "$1/"
  make_image "$work/pause" registry.local/pause:1 '{"Cmd": ["/pause"]}' "$1/pause.tar"
  make_image "$work/test" registry.local/test:1 \
    '{"Env": ["PATH=/bin"], "WorkingDir": "/", "Cmd": ["probe", "serve", "tcp/8080", "udp/5353"]}' \
    "$1/test.tar"
}

say "Images of the test pods"
if [ ! -d "$folder" ]; then
  mkdir -p "$cache"
  building=$(mktemp -d "$folder.XXXXXX")
  work=$(mktemp -d)
  trap 'rm -rf "$building" "$work"' EXIT
  build_images "$building"
  # Another build may have come first.
  mv -T "$building" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
mkdir -p "$out"
cp "$folder"/* "$out/"
