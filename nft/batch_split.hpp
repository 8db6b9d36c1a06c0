// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace kpol::nft {

// Whether a set only ever lets packets pass: with fewer elements the table is stricter, whatever
// else is in it.
using Admits = std::function<bool(const std::string& set)>;

// A change set in five stages (indices into its changes, each in its order) whose commit one after
// the other ends as that of the whole does. Before `change` no packet passes that did not pass
// before, from `change` on none that does not pass in the end, wherever the others are cut into
// batches.
struct BatchSplit {
  // What nothing refers to yet: the table itself when it is new, new sets, counters and chains (not
  // base chains) with their elements and rules. Packets are judged as before.
  std::vector<std::size_t> prepare;
  // Elements that leave sets which admit: at every cut no packet passes that did not pass before.
  std::vector<std::size_t> tighten;
  // All that is left, for one batch.
  std::vector<std::size_t> change;
  // Elements that come to sets which admit: at every cut no packet passes that does not in the end.
  std::vector<std::size_t> loosen;
  // What nothing refers to any more. Packets are judged as in the end.
  std::vector<std::size_t> remove;
};

// For changes in the order of diff(). Where they delete the table everything is in `change`; so is
// whatever refers to something that is made anew under its old name.
BatchSplit split(const ChangeSet& changes, const Admits& admits = {});

}  // namespace kpol::nft
