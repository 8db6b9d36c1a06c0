#!/usr/bin/env bash
# Checks that the released plugin needs no dynamic loader and no library on the node. Prints its stripped
# size.
#
#   tests/static_plugin.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. tests/packaging/checks.sh

ensure_packages build
build_release

plugin=build/release/plugin/kpol
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
has_no_loader() { ! readelf --program-headers "$plugin" | grep INTERP; }
needs_no_library() { ! readelf --dynamic "$plugin" | grep NEEDED; }
# An empty environment, which a runtime may have.
returns_versions() {
  env -i CNI_COMMAND=VERSION "$plugin" <<<'{"cniVersion":"1.0.0"}' | grep '"supportedVersions"'
}
check "the plugin has no dynamic loader" has_no_loader
check "the plugin needs no library" needs_no_library
check "VERSION returns the supported versions" returns_versions
strip -o "$scratch/kpol" "$plugin"
say "$(($(stat -c %s "$scratch/kpol") / 1024)) KiB stripped"

tell_count "Static plugin"
