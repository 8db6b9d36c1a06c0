#compdef kpolctl
# zsh completion of kpolctl(1)
_kpolctl() {
  local state
  _arguments -C \
    '(-h --help)'{-h,--help}'[print the usage]' \
    '--version[print the version]' \
    '--socket[the socket of kpold]:path:_files' \
    '(-o --output)'{-o,--output}'[how to print]:format:(table json yaml)' \
    '1:command:((status\:"how kpold is" show\:"what kpold knows" sync\:"wait for the kernel" explain\:"allowed or denied, and why"))' \
    '*::argument:->argument'
  [[ $state == argument ]] || return 0
  case $words[1] in
    show) _arguments '1:what:(policies pods sets ruleset ips pod policy)' ;;
    sync) _arguments '--timeout[how long to wait]:duration:' ;;
  esac
}
_kpolctl "$@"
