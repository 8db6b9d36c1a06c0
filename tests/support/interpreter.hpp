// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <string>

// Evaluates packets against a ruleset value like nf_tables (net/netfilter/nf_tables_core.c,
// nft_do_chain), without knowledge of policies: the second reference besides evaluate() and the
// kernel.
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
  bool relayed = false;  // at output: the source is not an address of the node
};

// Whether the packet passes the base chains of its hook. Throws std::logic_error on a ruleset that
// the kernel would not take (a missing chain, an endless loop, a set used with another type).
bool passes(const nft::Ruleset& ruleset, const Packet& packet);

// Whether the ruleset accepts the first packet of `flow` on the node of `snapshot`. Addresses of
// endpoints are behind their interfaces, packets to the node's own addresses are received at input,
// packets from them are sent at output, and all other addresses are beyond the interface "eth0".
// Packets that arrive pass the prerouting hook first.
bool passes(const nft::Ruleset& ruleset, const policy::Snapshot& snapshot,
            const policy::Flow& flow);

// The same if the node sends the packet for others, as IPVS does: only at output, where it has no
// input interface. Neither address is the node's.
bool relays(const nft::Ruleset& ruleset, const policy::Snapshot& snapshot,
            const policy::Flow& flow);

// The verdicts that a packet can have while one batch turns `before` into `after`. A packet takes
// the generation of the rules when it enters a base chain, and each lookup reads the generation
// again (nft_do_chain; nft_genmask_cur in the lookups of sets): so it can meet old rules and, from
// any lookup on, new elements. All such points are tried.
struct Verdicts {
  bool passes = false;
  bool dropped = false;
};
Verdicts verdictsDuring(const nft::Ruleset& before, const nft::Ruleset& after,
                        const policy::Snapshot& snapshot, const policy::Flow& flow);

}  // namespace kpol::test
