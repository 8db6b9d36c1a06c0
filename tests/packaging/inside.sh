# shellcheck shell=bash
# inside FOLDER COMMAND...: with FOLDER as the file system, and /proc, as a container has it.
inside() {
  local folder=$1
  shift
  mkdir -p "$folder/proc"
  # shellcheck disable=SC2016  # for the inner shell
  unshare --mount bash -c 'mount -t proc proc "$1/proc" && exec chroot "$@"' bash "$folder" "$@"
}
