// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::nft {

// Waits until every packet that the kernel is evaluating now has left all chains. Takes 5 to 30 ms.
//
// nf_tables evaluates a packet within an RCU read-side section (nf_hook_slow), and a commit does
// not wait for such sections: the memory of what it replaced is freed later
// (nf_tables_commit_release). So a packet whose processor is interrupted, or is a virtual one that
// its host does not run, can still evaluate old rules after several commits. membarrier(2) with
// MEMBARRIER_CMD_GLOBAL is synchronize_rcu(). Where the kernel refuses it (nohz_full), this sleeps
// for 50 ms.
void waitForPacketsOnTheirWay();

}  // namespace kpol::nft
