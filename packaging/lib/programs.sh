# shellcheck shell=bash
# Sourced after e2e/lib/packages.sh by what packs kpol's programs.
. e2e/lib/static_libmnl.sh

programs=(kpol kpold kpolctl)

# static_programs FOLDER: puts the three programs there, stripped; they need nothing of where they run.
static_programs() {
  local folder=$1 program
  if [ -n "${KPOL_PROGRAMS:-}" ]; then
    for program in "${programs[@]}"; do install -m 755 "$KPOL_PROGRAMS/$program" "$folder/"; done
  else
    ensure_packages build
    build_static
    install -m 755 build/package/plugin/kpol build/package/controller/kpold \
      build/package/kpolctl/kpolctl "$folder/"
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

build_static() {
  say "Configuring (preset package)"
  mkdir -p build
  cmake --preset package -DKPOL_MNL_ARCHIVE="$(static_libmnl build/libmnl)" \
    -DCMAKE_COMPILE_WARNING_AS_ERROR="${KPOL_WERROR:-OFF}" >build/configure-package.log 2>&1 || {
    cat build/configure-package.log
    die "cmake failed"
  }
  say "Building (preset package)"
  # The linker warns of getaddrinfo, whose DNS and files glibc has had within itself since 2.34.
  cmake --build --preset package -- "${programs[@]}" kpol_man 2>&1 | grep --line-buffered -vE "in function|statically linked" ||
    [ "${PIPESTATUS[0]}" = 0 ]
}

project_version() { sed -n 's/^project(kpol VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# Of what is built, if git knows it: a build from an unpacked archive has neither.
source_revision() { git rev-parse --verify HEAD 2>/dev/null || echo unknown; }
source_epoch() { echo "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}"; }
