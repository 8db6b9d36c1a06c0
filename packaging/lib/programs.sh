# shellcheck shell=bash
# Sourced after e2e/lib/packages.sh by scripts that package kpol's programs.
# shellcheck disable=SC2154

# static_programs FOLDER: puts the three programs there, stripped and static.
static_programs() {
  local folder=$1 program
  if [ -n "${KPOL_PROGRAMS:-}" ]; then
    for program in "${programs[@]}"; do install -m 755 "$KPOL_PROGRAMS/$program" "$folder/"; done
  else
    ensure_packages build
    build_release
    install -m 755 build/release/plugin/kpol build/release/controller/kpold \
      build/release/kpolctl/kpolctl "$folder/"
  fi
  for program in "${programs[@]}"; do
    strip --strip-all "$folder/$program"
    if readelf --program-headers "$folder/$program" | grep -q INTERP; then
      die "$program needs a dynamic loader: it is not static"
    fi
  done
}

# image_root FOLDER: the file system of the container image.
image_root() {
  mkdir -p "$1"/{usr/bin,run,var}
  # Runtimes name pods' namespaces by /var/run.
  ln -s ../run "$1/var/run"
  static_programs "$1/usr/bin"
}

project_version() { sed -n 's/^project(kpol VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# Of what is built, if git knows it: a build from an unpacked archive has neither.
source_revision() { git rev-parse --verify HEAD 2>/dev/null || echo unknown; }
source_epoch() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"; }
