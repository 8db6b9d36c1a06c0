#!/usr/bin/env bash
# Builds the Dockerfile and checks the image. The test starts its own Docker engine, with its own data,
# network and mounts, and removes it at the end.
#
# Every command of the Dockerfile runs on a bare Debian: packages are fetched and installed, CMake
# configures, each compiler and linker command is issued. The compiler cache of the release build is
# available at the same path; without it the commands take minutes.
#
#   tests/dockerfile.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. packaging/lib/programs.sh
. tests/packaging/checks.sh
. tests/packaging/docker.sh

ensure_packages build docker
build_release
scratch=$(mktemp -d /var/tmp/kpol-docker.XXXXXX)
trap 'stop_docker; rm -rf "$scratch"' EXIT
start_docker "$scratch"

say "Debian base image"
make_base kpol-base "$PWD/build/ccache"

build_image() {
  docker build --network host --tag kpol --build-arg BASE=kpol-base --build-arg SOURCE="$PWD" \
    --build-arg REVISION="$(source_revision)" \
    --build-arg CREATED="$(date --utc --date "@$(source_epoch)" +%Y-%m-%dT%H:%M:%SZ)" . 2>&1 |
    tee "$scratch/build.log" | grep --line-buffered -E '^(Step|.*==>)' || [ "${PIPESTATUS[0]}" = 0 ] || {
    tail -n 40 "$scratch/build.log"
    die "docker build failed"
  }
}
say "docker build"
build_image

# of_image FIELDS: prints fields of `docker inspect` as one line of JSON.
of_image() { docker image inspect kpol | jq --compact-output --sort-keys ".[0] | $1"; }
is() { [ "$1" = "$2" ] || { echo "expected $2, got $1" && return 1; }; }
mkdir "$scratch"/{root,archive}
container=$(docker create kpol)
docker export "$container" | tar -C "$scratch/root" -xf -
docker rm "$container" >/dev/null

check "one layer" is "$(of_image '.RootFS.Layers | length')" 1
check "the entrypoint" is "$(of_image '.Config | [.Entrypoint, .Env, .WorkingDir, .Cmd, .Shell]')" \
  '[["/usr/bin/kpold"],["PATH=/usr/bin"],"/",null,null]'
# The files that docker adds when it creates a container are empty.
check "the three programs and nothing else" diff \
  <(printf '%s\n' usr/bin/kpol usr/bin/kpolctl usr/bin/kpold) \
  <(cd "$scratch/root" && find . -type f -size +0 -printf '%P\n' | sort)
check "/var/run is /run" is "$(readlink "$scratch/root/var/run")" ../run
check "only root can write to it" test -z "$(find "$scratch/root/usr" -perm /022 ! -type l)"

run_there() { docker run --rm --network none --read-only --cap-drop ALL "$@"; }
check "kpold runs" run_there kpol --version
check "kpolctl runs" run_there --entrypoint /usr/bin/kpolctl kpol --version
version() {
  run_there --interactive --env CNI_COMMAND=VERSION --entrypoint /usr/bin/kpol kpol \
    <<<'{"cniVersion":"1.0.0"}' | grep supportedVersions
}
check "the plugin runs" version
check "there is no shell" refuses run_there --entrypoint /bin/sh kpol -c true
containerd_takes_it() {
  local ctr=(ctr --address "$docker_folder/exec/containerd/containerd.sock" --namespace kpol-test)
  docker save kpol --output "$scratch/saved.tar"
  "${ctr[@]}" images import "$scratch/saved.tar"
  "${ctr[@]}" images list --quiet | grep -x docker.io/library/kpol:latest
}
check "containerd imports the output of docker save" containerd_takes_it

# packaging/image.sh builds the image without Docker.
KPOL_PROGRAMS="$scratch/root/usr/bin" packaging/image.sh "$scratch/ours.tar" registry.example/kpol:test
tar -C "$scratch/archive" -xf "$scratch/ours.tar"
check "labels are the same as those of packaging/image.sh" is "$(of_image .Config.Labels)" \
  "$(jq --compact-output --sort-keys .config.Labels "$scratch"/archive/[0-9a-f]*.json)"

tell_count "Dockerfile"
