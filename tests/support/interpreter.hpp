// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <string>

// Runs packets through a ruleset value the way nf_tables does (net/netfilter/nf_tables_core.c,
// nft_do_chain), knowing nothing of policies: the second witness beside evaluate() and the kernel.
namespace kpol::test {

// A packet at one hook.
struct Packet {
  nft::BaseChain::Hook hook = nft::BaseChain::Hook::Forward;
  std::string iif;
  std::string oif;
  policy::Flow flow;
  std::uint32_t ctState = nft::ct_state::kNew;
  bool revoked = false;
  std::uint8_t icmpType = 128;
};

// Whether the packet passes the base chain of its hook. Throws std::logic_error on a ruleset that
// the kernel would not take (a missing chain, an endless loop, a set used with another type).
bool passes(const nft::Ruleset& ruleset, const Packet& packet);

// Whether the ruleset lets the first packet of `flow` pass on the node of `snapshot`: addresses of
// endpoints come from or go to their interfaces, the node's own arrive at input or leave by output,
// all others are beyond the interface "eth0".
bool passes(const nft::Ruleset& ruleset, const policy::Snapshot& snapshot,
            const policy::Flow& flow);

}  // namespace kpol::test
