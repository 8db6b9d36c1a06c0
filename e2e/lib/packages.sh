# shellcheck shell=bash
# Sourced by the scripts that build kpol: installs packages that a new Debian 12 or 13 does not have.

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Debian 12 ships Boost 1.74 as its default, which g++ 12 cannot use with coroutines; it also
# has 1.81. Debian 13's default is new enough.
boost_package() {
  if [ -n "$(apt-cache madison libboost1.81-dev 2>/dev/null)" ]; then
    echo libboost1.81-dev
  else
    echo libboost-dev
  fi
}

build_packages() {
  echo g++ cmake ninja-build pkg-config ccache libmnl-dev libnftnl-dev nlohmann-json3-dev \
    libspdlog-dev libfmt-dev libyaml-cpp-dev libcli11-dev libssl-dev "$(boost_package)"
}
test_packages() {
  echo libgtest-dev libgmock-dev nftables iproute2 iptables netbase procps curl util-linux perl \
    containernetworking-plugins clang-format shellcheck python3-yaml man-db
}
# libFuzzer comes with clang's runtime. Version 19 is in Debian 12 and 13; Debian 12's default, 14,
# cannot read its own C++20 headers.
fuzz_packages() { echo clang-19 libclang-rt-19-dev; }
ci_packages() { echo git; }
# busybox-static replaces busybox.
kind_packages() { echo g++ busybox-static; }
cluster_packages() {
  echo g++ containerd runc busybox-static containernetworking-plugins iproute2 \
    nftables iptables conntrack procps util-linux openssl curl
}
docker_packages() { echo docker.io slirp4netns debootstrap iproute2 jq; }
conformance_packages() { echo golang-go; }
bench_packages() {
  echo libbenchmark-dev libgtest-dev libgmock-dev containernetworking-plugins nftables iptables \
    ipset libsimdjson-dev jq python3
}
demo_packages() {
  echo nftables iproute2 wget
  # busybox and busybox-static exclude one another.
  command -v busybox >/dev/null || echo busybox
}

# Prints the mirror of this machine's packages.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016  # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -n 1)
  [ -n "$mirror" ] || die "apt has no mirror configured: run apt-get update first"
  echo "$mirror"
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root: run this as root, or install sudo"
  fi
}

# ensure_packages build|test|demo|bench|ci...
ensure_packages() {
  command -v apt-get >/dev/null || die "apt-get not found: this script supports only Debian 12 and 13"
  if [ -z "$(ls /var/lib/apt/lists/*_Packages* 2>/dev/null)" ]; then
    say "Fetching the package lists"
    as_root apt-get update -qq
  fi
  local kind package missing=()
  for kind in "$@"; do
    for package in $("${kind}_packages"); do
      is_installed "$package" || missing+=("$package")
    done
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  install_packages "${missing[@]}" && return 0
  say "Trying again with fresh package lists"
  as_root apt-get update -qq
  install_packages "${missing[@]}" || die "apt-get could not install: ${missing[*]}"
}

install_packages() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" |
    grep --line-buffered -E '^(Setting up|E:|W:)' || [ "${PIPESTATUS[0]}" = 0 ]
}

# With these ccache keeps precompiled headers, and what is compiled with them.
export CCACHE_SLOPPINESS=pch_defines,time_macros

# build PRESET [TARGET...]: a compiler newer than ours may warn of something new, which must not keep
# anybody from trying kpol; continuous integration sets KPOL_WERROR=ON. KPOL_TESTS=OFF leaves out
# the tests and what only they need; KPOL_BENCH=ON adds the benchmarks.
build() {
  local preset=$1
  shift
  mkdir -p build
  [ "$preset" != release ] || packaging/libmnl.sh >/dev/null
  say "Configuring (preset $preset)"
  cmake --preset "$preset" -DKPOL_TESTS="${KPOL_TESTS:-ON}" -DKPOL_BENCH="${KPOL_BENCH:-OFF}" \
    -DCMAKE_COMPILE_WARNING_AS_ERROR="${KPOL_WERROR:-OFF}" >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log"
    die "cmake failed"
  }
  say "Building (preset $preset)"
  if [ "$preset" = release ]; then
    # What the compiler's cache has of this build is kept apart, for tests/dockerfile.sh.
    local -x CCACHE_REMOTE_STORAGE=file:$PWD/build/ccache CCACHE_RESHARE=true
    # The linker warns of getaddrinfo, whose DNS and files glibc has had within itself since 2.34.
    cmake --build --preset release -- "$@" 2>&1 |
      grep --line-buffered -vE "in function \`|statically linked" || [ "${PIPESTATUS[0]}" = 0 ]
  else
    cmake --build --preset "$preset" -- "$@"
  fi
}

# The programs that are shipped, in build/release. Every script that packs, installs or runs them uses
# this build, so that only the first of them compiles.
programs=(kpol kpold kpolctl)
build_release() { KPOL_TESTS=OFF build release "${programs[@]}" kpol_man; }
