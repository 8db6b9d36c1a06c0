# shellcheck shell=bash
# Sourced by what stands in for programs in dry_run.sh.

# note WORD...: one line in the list of commands, in one write, for kind runs some at a time.
note() {
  local line
  line=$(printf '%q ' "$@")
  echo "${KPOL_STAND_IN_INDENT:-}${line% }" >>"$KPOL_STAND_IN/commands"
}
refuse() {
  echo "stand-in: $*" >&2
  exit 1
}
unknown() { refuse "unknown: $*"; }
