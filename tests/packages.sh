#!/usr/bin/env bash
# Builds the Debian package, and installs, uses, removes and purges it in a separate root folder. The
# machine's own packages are not changed.
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

# A root folder with an empty dpkg database. The package's scripts run outside of it, with DPKG_ROOT set.
root=$scratch/root
mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
: >"$root/var/lib/dpkg/status"
dpkg_there() { dpkg --root="$root" --force-script-chrootless --log=/dev/null "$@"; }
status() { dpkg-query --root="$root" -W -f '${db:Status-Status}' kpol; }

check "one package" test "${#debs[@]}" = 1
check "it depends on no other package" test -z "$(dpkg-deb --field "$deb" Depends)"
check "it can be installed" dpkg_there --install "$deb"
check "dpkg reports it as installed" test "$(status)" = installed
for file in usr/bin/kpol usr/bin/kpold usr/bin/kpolctl usr/bin/kubectl-kpol etc/kpol/kpold.yaml \
  usr/lib/systemd/system/kpold.service usr/lib/systemd/system/kpold-hold.service \
  usr/share/doc/kpol/copyright usr/share/man/man1/kpolctl.1.gz \
  usr/share/man/man8/kpold.8.gz usr/share/man/man8/kpol.8.gz \
  usr/share/bash-completion/completions/kpolctl usr/share/zsh/vendor-completions/_kpolctl \
  usr/share/fish/vendor_completions.d/kpolctl.fish; do
  check "$file" test -s "$root/$file"
done
check "root owns all files" test -z "$(find "$root/usr" "$root/etc" ! -user root)"
check "only root can write to them" test -z "$(find "$root/usr" "$root/etc" -perm /022 ! -type l)"
check "kpold runs with no other files" inside "$root" /usr/bin/kpold --version
check "kpolctl runs with no other files" inside "$root" /usr/bin/kpolctl --version
mkdir -p "$root/opt/cni/bin"
# Uses the configuration of the package, which must be valid.
check "kpold installs the plugin" inside "$root" /usr/bin/kpold --config /etc/kpol/kpold.yaml --install-cni
check "the installed plugin is the one in the package" cmp "$root/usr/bin/kpol" "$root/opt/cni/bin/kpol"
check "man shows the man page" env MANPAGER=cat man --local-file "$root/usr/share/man/man8/kpold.8.gz"
if command -v systemd-analyze >/dev/null; then
  # systemd-analyze looks for programs and man pages on the machine; ignore its messages about those.
  complaints() {
    systemd-analyze verify "$1" 2>&1 | grep -F "${1##*/}" | grep -v "is not executable\|man kpold"
  }
  takes() { [ -s "$1" ] && [ -z "$(complaints "$1")" ]; }
  unit=usr/lib/systemd/system/kpold.service
  mkdir "$scratch/wrong"
  sed 's/^Restart=.*/Restart=perhaps/' "$root/$unit" >"$scratch/wrong/kpold.service"
  check "systemd-analyze finds an error in a wrong unit" test -n "$(complaints "$scratch/wrong/kpold.service")"
  check "systemd-analyze finds no error in the unit" takes "$root/$unit"
  check "systemd-analyze finds no error in the holder's unit" takes "$root/${unit%/*}/kpold-hold.service"
fi

echo "logLevel: debug" >>"$root/etc/kpol/kpold.yaml"
check "it can be installed again" dpkg_there --force-confold --install "$deb"
check "a changed configuration is kept" grep -q 'logLevel: debug' "$root/etc/kpol/kpold.yaml"
mkdir -p "$root/var/lib/kpol" && touch "$root/var/lib/kpol/leases"
check "it can be removed" dpkg_there --remove kpol
check "removing deletes the programs" gone "$root/usr/bin/kpold"
check "removing keeps the configuration" test -s "$root/etc/kpol/kpold.yaml"
check "removing keeps the state directory" test -e "$root/var/lib/kpol/leases"
check "it can be purged" dpkg_there --purge kpol
check "purging deletes the configuration" gone "$root/etc/kpol"
check "purging deletes the state directory" gone "$root/var/lib/kpol"
check "only files that existed before are left" test -z \
  "$(find "$root" -path "$root/var/lib/dpkg" -prune -o -path "$root/opt" -prune -o ! -type d -print)"

tell_count "Debian package"
