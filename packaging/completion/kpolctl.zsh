#compdef kpolctl
# zsh completion of kpolctl(1)
_kpolctl() {
  local state
  _arguments -C \
    '(-h --help)'{-h,--help}'[print the usage]' \
    '--version[print the version]' \
    '--socket[the socket of kpold]:path:_files' \
    '(-o --output)'{-o,--output}'[output format]:format:(table json yaml)' \
    '1:command:((status\:"show the status of kpold" show\:"show objects and the table" sync\:"wait until the kernel is in sync" explain\:"show whether a connection is allowed, and why" completion\:"print the completion script of a shell"))' \
    '*::argument:->argument'
  [[ $state == argument ]] || return 0
  case $words[1] in
    show) _arguments '1:what:(policies pods sets ruleset ips pod policy)' ;;
    sync) _arguments '--timeout[longest wait]:duration:' ;;
    completion) _arguments '1:shell:(bash fish zsh)' ;;
  esac
}
# Loaded by name, it completes at once; sourced, it only registers the function.
if [[ ${funcstack[1]-} == _kpolctl ]]; then _kpolctl "$@"; else compdef _kpolctl kpolctl; fi
