# shellcheck shell=bash
# Sourced after packages.sh by what links programs fully static.

# static_libmnl FOLDER: prints the path of a libmnl.a. Debian 13's libmnl-dev has one, Debian 12's has
# none: there the package of Debian 13 is unpacked in FOLDER (once). Nothing is installed.
static_libmnl() {
  local folder=$1 archive
  mkdir -p "$folder"
  archive=$(find /usr/lib -name libmnl.a 2>/dev/null | head -n 1)
  [ -n "$archive" ] || archive=$(find "$folder" -name libmnl.a 2>/dev/null | head -n 1)
  if [ -z "$archive" ]; then
    say "Fetching libmnl-dev of Debian 13 into $folder" >&2
    fetch_libmnl_of_trixie "$folder"
    archive=$(find "$folder" -name libmnl.a)
    [ -n "$archive" ] || die "libmnl-dev of Debian 13 has no libmnl.a any more"
  fi
  realpath "$archive"
}

fetch_libmnl_of_trixie() {
  local scratch mirror options
  scratch=$(mktemp -d)
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
  mkdir -p "$1"
  dpkg -x "$scratch"/libmnl-dev_*.deb "$1"
  rm -rf "$scratch"
}
