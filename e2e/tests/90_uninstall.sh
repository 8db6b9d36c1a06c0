# shellcheck shell=bash
# shellcheck disable=SC2154
# kpol goes and leaves nothing on the nodes.

# The table outlives its agent on purpose.
policy_stays() { on_node "$1" nft list table inet kpol >/dev/null; }

check "uninstall: the DaemonSet goes" take_kpol_away "$manifests"
check "uninstall: until the clean-up the policy stays" each_node policy_stays
check "uninstall: kpold --cleanup on every node" clean_up
check "uninstall: nothing is left" each_node nothing_is_left_on
