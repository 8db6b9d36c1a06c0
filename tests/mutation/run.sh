#!/usr/bin/env bash
# Applies small mutations to policy/ (the compiler and the engine), one at a time in a copy of the tree, and
# expects a test to fail for each. Also fails if a mutation no longer applies or does not compile, or if
# the tests fail without one.
#
#   tests/mutation/run.sh [--sample N] [NAME...]
#     --sample N    only N of them, different ones each day
#     NAME...       only these
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/lib/packages.sh

list=tests/mutation/mutants.txt
sample=0
wanted=()
while [ $# -gt 0 ]; do
  case $1 in
    --sample) sample=${2:?--sample needs a number} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --*) die "unknown argument $1 (see --help)" ;;
    *) wanted+=("$1") ;;
  esac
  shift
done

# Fast tests that detect many mutations are first, because the first failure ends the trial of a mutation.
# Each line is a program below build/tests, and a filter for its tests.
tests=(
  "policy/policy_unit_test *"
  "property/property_test EngineHistory.*:ChangedFlowsHistory.*"
  "property/property_test PolicyProof.*"
  "policy/policy_property_test *"
  "policy/policy_cost_test *"
)
export KPOL_CLUSTERS=${KPOL_CLUSTERS:-600} # number of random clusters

ensure_packages build test
work=$PWD/build/mutation
tree=$work/tree
log=$work/log
mkdir -p "$tree"

# A copy of the tree. Only files that differ are copied, so that little is built again.
git ls-files -coz --exclude-standard | grep -zvE '^(docs|e2e|\.ci)/' | while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  cmp -s "$file" "$tree/$file" || install -D -m 644 "$file" "$tree/$file"
done
(cd "$tree" && find . -type f -printf '%P\0') | while IFS= read -r -d '' file; do
  [ -f "$file" ] || rm "$tree/$file"
done

# trial: builds and runs the tests in order; sets failed to the first failed test, if any. Returns false
# if a program does not build, or has no test of that name.
trial() {
  local test program filter
  failed=""
  for test in "${tests[@]}"; do
    read -r program filter <<<"$test"
    cmake --build "$work/build" -- -j2 "${program##*/}" >"$log" 2>&1 || return 1
    timeout 300 "$work/build/tests/$program" --gtest_filter="$filter" --gtest_fail_fast >"$log" 2>&1 || {
      failed=$(sed -n 's/^\[  FAILED  \] \([^ ,]*\.[^ ,]*\).*/\1/p' "$log" | head -n 1)
      failed=${failed:-${program##*/}}
      return 0
    }
    # A filter without a match would pass for every mutation.
    ! grep 'Running 0 tests' "$log" || return 1
  done
}

say "Without a mutation"
linker=()
command -v mold >/dev/null && linker=(-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold)
cmake -S "$tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 \
  "${linker[@]}" >"$log" 2>&1 || { cat "$log" && die "cmake failed"; }
trial || { tail -50 "$log" && die "the tree does not build, or a filter matches no test"; }
[ -z "$failed" ] || { tail -50 "$log" && die "$failed fails without a mutation"; }

names=()
while IFS= read -r name; do names+=("$name"); done < <(sed -n 's/^= \([a-z0-9-]*\):.*/\1/p' "$list")
if [ ${#wanted[@]} -gt 0 ]; then
  names=("${wanted[@]}")
elif [ "$sample" -gt 0 ]; then
  # A different part of the list each day, until all were run.
  day=$(($(date +%s) / 86400))
  first=$((day * sample % ${#names[@]}))
  doubled=("${names[@]}" "${names[@]}")
  names=("${doubled[@]:first:sample}")
fi

# Applies one mutation to the copy; prints the file that it changed.
apply() {
  perl -e '
    my ($wanted, $list, @files) = @ARGV;
    my ($found, $old, $new, $name, $only) = (0, "", "", "", "");
    open my $in, "<", $list or die "$list: $!\n";
    while (<$in>) {
      if (/^= ([a-z0-9-]+):/) { $name = $1; $found ||= $name eq $wanted }
      next unless $name eq $wanted;
      $only = $1 if /^@ (.*)$/;
      $old .= ($old eq "" ? "" : " ") . $1 if /^< (.*)$/;
      $new .= ($new eq "" ? "" : " ") . $1 if /^> (.*)$/;
    }
    die "no mutation $wanted in $list\n" unless $found && $old ne "";
    my $pattern = join "\\s+", map { quotemeta } split " ", $old;
    my @hits;
    for my $file (@files) {
      next if $only ne "" && $file !~ m{/\Q$only\E$};
      open my $f, "<", $file or die "$file: $!\n";
      local $/;
      my $text = <$f>;
      push @hits, $file for $text =~ /$pattern/g;
    }
    die "$wanted: the old text is in " . @hits . " places, not in one\n" unless @hits == 1;
    open my $f, "<", $hits[0] or die;
    local $/;
    my $text = <$f>;
    open my $kept, ">", "$hits[0].kept" or die "$hits[0].kept: $!\n";
    print $kept $text;
    close $kept or die;
    $text =~ s/$pattern/$new/;
    open my $out, ">", $hits[0] or die "$hits[0]: $!\n";
    print $out $text;
    close $out or die;
    print "$hits[0]\n";
  ' "$1" "$PWD/$list" "$tree"/policy/*.cpp "$tree"/policy/*.hpp
}

noticed=0
bad=()
for name in "${names[@]}"; do
  file=$(apply "$name") || die "a mutation no longer applies: update $list"
  if ! trial; then
    bad+=("$name") && printf '  %-32s does not compile:\n' "$name"
    grep -m3 error "$log" || true
  elif [ -n "$failed" ]; then
    noticed=$((noticed + 1))
    printf '  %-32s detected by %s\n' "$name" "$failed"
  else
    bad+=("$name") && printf '  %-32s NOT DETECTED\n' "$name"
  fi
  cp "$file.kept" "$file"
done

echo "${#names[@]} mutants, $noticed detected"
[ ${#bad[@]} -eq 0 ] || die "not detected, or not compiled: ${bad[*]}"
