#!/usr/bin/env bash
# Proves that `kpol` links fully static where there is a libmnl.a. Debian 13's libmnl-dev has one,
# Debian 12's has none: this fetches the package of Debian 13 into a private folder, builds the
# plugin against its archive alone and asks the program for its version. Nothing is installed.
#
#   tests/static_plugin.sh        # prints the stripped size and the dynamic dependencies
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

ensure_packages build
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

archive=$(find /usr/lib -name libmnl.a 2>/dev/null | head -n 1)
if [ -z "$archive" ]; then
  say "Fetching libmnl-dev of Debian 13 into a private folder"
  # shellcheck disable=SC2016  # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
  [ -n "$mirror" ] || die "apt knows no mirror: run apt-get update first"
  mkdir -p "$scratch"/{lists/partial,cache/archives/partial,etc,state}
  : >"$scratch/state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" \
    >"$scratch/etc/sources.list"
  options=(-qq -o "Dir::State=$scratch/state" -o "Dir::State::lists=$scratch/lists"
    -o "Dir::State::status=$scratch/state/status" -o "Dir::Cache=$scratch/cache"
    -o "Dir::Etc::sourcelist=$scratch/etc/sources.list" -o "Dir::Etc::sourceparts=-"
    -o "APT::Sandbox::User=root" -o "Acquire::Languages=none")
  apt-get "${options[@]}" update || die "the package list of Debian 13 cannot be fetched"
  (cd "$scratch" && apt-get "${options[@]}" download libmnl-dev) ||
    die "libmnl-dev of Debian 13 cannot be fetched"
  dpkg -x "$scratch"/libmnl-dev_*.deb "$scratch/root"
  archive=$(find "$scratch/root" -name libmnl.a)
  [ -n "$archive" ] || die "libmnl-dev of Debian 13 has no libmnl.a any more"
fi

say "Building kpol against $(basename "$archive")"
mkdir -p build
cmake --preset release -B build/static -DKPOL_TESTS=OFF -DKPOL_STATIC_PLUGIN=ON \
  -DKPOL_MNL_ARCHIVE="$archive" >build/configure-static.log || {
  cat build/configure-static.log
  die "cmake failed"
}
cmake --build build/static -- kpol

plugin=build/static/plugin/kpol
if readelf --program-headers "$plugin" | grep -q INTERP; then
  die "$plugin has a dynamic loader: it is not static"
fi
version=$(CNI_COMMAND=VERSION "$plugin" <<<'{"cniVersion":"1.0.0"}')
grep -q '"supportedVersions"' <<<"$version" || die "kpol does not answer: $version"
say "kpol is static and answers: 1 passed, 0 failed"
