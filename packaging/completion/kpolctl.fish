# fish completion of kpolctl(1)
complete -c kpolctl -f
complete -c kpolctl -s h -l help -d 'print the usage'
complete -c kpolctl -l version -d 'print the version'
complete -c kpolctl -l socket -r -F -d 'the socket of kpold'
complete -c kpolctl -s o -l output -x -a 'table json yaml' -d 'output format'
complete -c kpolctl -n __fish_use_subcommand -a status -d 'show the status of kpold'
complete -c kpolctl -n __fish_use_subcommand -a show -d 'show objects and the table'
complete -c kpolctl -n __fish_use_subcommand -a sync -d 'wait until the kernel is in sync'
complete -c kpolctl -n __fish_use_subcommand -a explain -d 'show whether a connection is allowed, and why'
complete -c kpolctl -n __fish_use_subcommand -a completion -d 'print the completion script of a shell'
complete -c kpolctl -n '__fish_seen_subcommand_from completion' -a 'bash fish zsh'
complete -c kpolctl -n '__fish_seen_subcommand_from show' -a 'policies pods sets ruleset ips pod policy'
complete -c kpolctl -n '__fish_seen_subcommand_from sync' -l timeout -x -d 'longest wait'
