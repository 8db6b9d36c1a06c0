#!/usr/bin/env bash
# Proves that `kpol` links fully static where there is a libmnl.a: builds the plugin against its
# archive alone and asks the program for its version.
#
#   tests/static_plugin.sh        # prints the stripped size and the dynamic dependencies
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. e2e/lib/static_libmnl.sh

ensure_packages build
archive=$(static_libmnl build/libmnl)

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
