# shellcheck shell=bash
# shellcheck disable=SC2154
# kpol is removed and leaves nothing on the nodes.

# The table stays when kpold stops, by design.
policy_stays() { on_node "$1" nft list table inet kpol >/dev/null; }

check "uninstall: delete the DaemonSet" take_kpol_away "$manifests"
check "uninstall: the policy stays until the clean-up" each_node policy_stays
check "uninstall: kpold --cleanup on every node" clean_up
check "uninstall: nothing is left" each_node nothing_is_left_on
