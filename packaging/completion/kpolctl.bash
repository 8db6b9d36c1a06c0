# shellcheck shell=bash
# bash completion of kpolctl(1)
_kpolctl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  case $before in
    -o | --output) mapfile -t COMPREPLY < <(compgen -W 'table json yaml' -- "$word") && return ;;
    --socket) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    --timeout) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -o | --output | --socket | --timeout) i=$((i + 1)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]} && break ;;
    esac
  done
  local words='--socket -o --output -h --help'
  case $command in
    '') words+=' --version status show sync explain completion' ;;
    show) [ "$before" != show ] || words+=' policies pods sets ruleset ips pod policy' ;;
    sync) words+=' --timeout' ;;
    completion) [ "$before" != completion ] || words+=' bash fish zsh' ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _kpolctl kpolctl
