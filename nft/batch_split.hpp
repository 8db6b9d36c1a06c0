// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace kpol::nft {

// Whether a set only permits packets: removing elements from it can only make the table stricter,
// whatever else the table contains.
using Admits = std::function<bool(const std::string& set)>;

// If nothing but elements of sets that only permit packets changes, at most so many added and so
// many removed ones are in one batch: enough for the events of a moment, and short.
inline constexpr std::size_t kMostElementsTogether = 256;

// What a stage replaces. A packet that is evaluated during its commit may then combine what it
// found before with what it finds later.
enum class Replaces {
  // Elements are only added, or only deleted. What a packet found is as good as before.
  Nothing,
  // Elements by others of the same set. No later stage may meet the packet: it could pass by an old
  // element and a new one, or find that the chain to which an old one led is empty.
  Elements,
  // Rules of a chain that stays, or an object by another one of the same name. The same, and no
  // packet of an earlier stage may meet this one: the kernel has two copies of the rules of a chain
  // and writes them in turn (nf_tables_commit_chain), so that a packet finds the new rules if two
  // commits have begun since it entered.
  Rules,
};

// A change set in five stages: indices into its changes, in their order. Committing the stages one
// after the other has the same result as committing the whole change set. `change` must be one
// batch; the other stages may be split anywhere. Until the commit of `change`, no packet passes
// that the old table drops. After it, no packet passes that the new table drops.
struct BatchSplit {
  // Objects without references yet: a new table, new sets, counters and chains (not base chains)
  // with their elements and rules. Does not change the verdict of any packet.
  std::vector<std::size_t> prepare;
  // Elements removed from sets that only permit packets. Packets are dropped earlier, never later.
  std::vector<std::size_t> tighten;
  // All other changes, in one batch. If there are none, `tighten` and `loosen` are here too, unless
  // they are large: a peer that leaves one set and joins another should not be in neither of them,
  // and with unchanged rules a packet passes only if it passes before or after.
  std::vector<std::size_t> change;
  // Elements added to sets that only permit packets. Packets are accepted later, never earlier.
  std::vector<std::size_t> loosen;
  // Objects without references left. Does not change the verdict of any packet.
  std::vector<std::size_t> remove;
  Replaces replaces = Replaces::Nothing;  // in `change`
};

// A packet on its way during a commit keeps its rules, but may find new elements. So no element of
// an existing map should lead to, or away from, a chain that changes in the same change set, or
// that looks up a map which changes: such chains need new names.
//
// Expects changes in the order of diff(). If they delete the table, all changes are in `change`.
// New rules and elements that refer to an object recreated under its old name are also in `change`.
BatchSplit split(const ChangeSet& changes, const Admits& admits = {});

}  // namespace kpol::nft
