#!/usr/bin/env bash
# Prints the path of a libmnl.a, which static programs need. Debian 13's libmnl-dev contains it, Debian 12's
# does not: there the script unpacks Debian 13's package in build/libmnl once. It installs nothing.
#
#   packaging/libmnl.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh

fetch_libmnl_of_trixie() {
  local scratch=$1 mirror options
  mirror=$(debian_mirror) || exit 1
  mkdir -p "$scratch"/{lists/partial,cache/archives/partial,etc,state}
  : >"$scratch/state/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" \
    >"$scratch/etc/sources.list"
  options=(-qq -o "Dir::State=$scratch/state" -o "Dir::State::lists=$scratch/lists"
    -o "Dir::State::status=$scratch/state/status" -o "Dir::Cache=$scratch/cache"
    -o "Dir::Etc::sourcelist=$scratch/etc/sources.list" -o "Dir::Etc::sourceparts=-"
    -o "APT::Sandbox::User=root" -o "Acquire::Languages=none")
  apt-get "${options[@]}" update >&2 || die "the package list of Debian 13 cannot be fetched"
  (cd "$scratch" && apt-get "${options[@]}" download libmnl-dev >&2) ||
    die "libmnl-dev of Debian 13 cannot be fetched"
  mkdir -p build/libmnl
  dpkg -x "$scratch"/libmnl-dev_*.deb build/libmnl
}
# CMake searches the same places (cmake/static.cmake).
find_archive() { find /usr/lib build/libmnl -name libmnl.a 2>/dev/null | head -n 1; }

archive=$(find_archive || true)
if [ -z "$archive" ]; then
  say "Fetching libmnl-dev of Debian 13 into build/libmnl" >&2
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  fetch_libmnl_of_trixie "$scratch"
  archive=$(find_archive || true)
  [ -n "$archive" ] || die "libmnl-dev of Debian 13 no longer contains libmnl.a"
fi
realpath "$archive"
