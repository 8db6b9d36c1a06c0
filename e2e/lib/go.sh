# shellcheck shell=bash
# Sourced by the scripts that build Go programs. All use the same flags, so that shared packages are
# compiled once.

# go_build OUTPUT ARG...: without inlining and debug information, and with less garbage collection in
# the compiler, Go takes three fifths of the time. These programs are for tests.
go_build() {
  local output=$1
  shift
  GOGC=${GOGC:-400} CGO_ENABLED=0 go build -trimpath -buildvcs=false -gcflags='all=-l -dwarf=false' \
    -o "$output" "$@" >&2
}
