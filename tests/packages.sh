#!/usr/bin/env bash
# Builds the Debian package and installs it into a file system of its own, where it is used, removed and
# purged. The machine's own packages are not touched.
#
#   tests/packages.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/lib/packages.sh
. packaging/lib/programs.sh
. tests/packaging/checks.sh
. tests/packaging/inside.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
gone() { [ ! -e "$1" ] && [ ! -L "$1" ]; }

ensure_packages build
build_release
say "Packing"
SOURCE_DATE_EPOCH=$(source_epoch) cpack --config build/release/CPackConfig.cmake -B "$scratch/out.d" \
  >"$scratch/log" || { cat "$scratch/log" && die "cpack failed"; }
debs=("$scratch"/out.d/*.deb)
deb=${debs[0]}
say "$(basename "$deb"): $(($(stat -c %s "$deb") / 1024)) KiB"

# A machine with an empty database of packages; the scripts of the package run outside of it, told so.
root=$scratch/root
mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
: >"$root/var/lib/dpkg/status"
dpkg_there() { dpkg --root="$root" --force-script-chrootless --log=/dev/null "$@"; }
status() { dpkg-query --root="$root" -W -f '${db:Status-Status}' kpol; }

check "one package" test "${#debs[@]}" = 1
check "it needs no other package" test -z "$(dpkg-deb --field "$deb" Depends)"
check "it is installed" dpkg_there --install "$deb"
check "and is known as such" test "$(status)" = installed
for file in usr/bin/kpol usr/bin/kpold usr/bin/kpolctl usr/bin/kubectl-kpol etc/kpol/kpold.yaml \
  usr/lib/systemd/system/kpold.service usr/share/doc/kpol/copyright usr/share/man/man1/kpolctl.1.gz \
  usr/share/man/man8/kpold.8.gz usr/share/man/man8/kpol.8.gz \
  usr/share/bash-completion/completions/kpolctl usr/share/zsh/vendor-completions/_kpolctl \
  usr/share/fish/vendor_completions.d/kpolctl.fish; do
  check "$file" test -s "$root/$file"
done
check "all of it belongs to root" test -z "$(find "$root/usr" "$root/etc" ! -user root)"
check "nobody else may write to it" test -z "$(find "$root/usr" "$root/etc" -perm /022 ! -type l)"
check "the programs run with nothing else there" inside "$root" /usr/bin/kpold --version
check "kpolctl too" inside "$root" /usr/bin/kpolctl --version
mkdir -p "$root/opt/cni/bin"
# With the configuration that comes along, which kpold must take.
check "kpold installs the plugin" inside "$root" /usr/bin/kpold --config /etc/kpol/kpold.yaml --install-cni
check "which is the package's" cmp "$root/usr/bin/kpol" "$root/opt/cni/bin/kpol"
check "the man page is shown" env MANPAGER=cat man --local-file "$root/usr/share/man/man8/kpold.8.gz"
if command -v systemd-analyze >/dev/null; then
  # It looks for programs and manual pages on the machine; what it says of those is not of the unit.
  complaints() {
    systemd-analyze verify "$1" 2>&1 | grep -F kpold.service | grep -v "is not executable\|man kpold"
  }
  takes() { [ -s "$1" ] && [ -z "$(complaints "$1")" ]; }
  unit=usr/lib/systemd/system/kpold.service
  mkdir "$scratch/wrong"
  sed 's/^Restart=.*/Restart=perhaps/' "$root/$unit" >"$scratch/wrong/kpold.service"
  check "systemd notices a wrong unit" test -n "$(complaints "$scratch/wrong/kpold.service")"
  check "systemd takes the unit" takes "$root/$unit"
fi

echo "logLevel: debug" >>"$root/etc/kpol/kpold.yaml"
check "installing it again" dpkg_there --force-confold --install "$deb"
check "keeps a changed configuration" grep -q 'logLevel: debug' "$root/etc/kpol/kpold.yaml"
mkdir -p "$root/var/lib/kpol" && touch "$root/var/lib/kpol/leases"
check "it is removed" dpkg_there --remove kpol
check "the programs are gone" gone "$root/usr/bin/kpold"
check "the configuration stays" test -s "$root/etc/kpol/kpold.yaml"
check "and what kpold knew" test -e "$root/var/lib/kpol/leases"
check "it is purged" dpkg_there --purge kpol
check "the configuration is gone" gone "$root/etc/kpol"
check "and what kpold knew" gone "$root/var/lib/kpol"
check "nothing is left but what was made before" test -z \
  "$(find "$root" -path "$root/var/lib/dpkg" -prune -o -path "$root/opt" -prune -o ! -type d -print)"

tell_count "Debian package"
