# shellcheck shell=bash
# inside FOLDER COMMAND...: runs COMMAND with FOLDER as the root file system and with /proc, as in a container.
inside() {
  local folder=$1
  shift
  mkdir -p "$folder/proc"
  # shellcheck disable=SC2016  # for the inner shell
  unshare --mount bash -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' bash "$folder" "$@"
}
