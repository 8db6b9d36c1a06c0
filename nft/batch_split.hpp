// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"

#include <cstddef>
#include <vector>

namespace kpol::nft {

// A change set too large for one batch, in two parts (indices into its changes, each part in its
// order) whose commit one after the other ends as that of the whole does.
struct BatchSplit {
  // The table itself when it is new, and new sets with their elements: nothing refers to them yet,
  // so no packet is judged differently, wherever these are cut into batches.
  std::vector<std::size_t> early;
  // All that is left, for one batch.
  std::vector<std::size_t> atomic;
};

// Nothing goes early when the change set deletes the table: its sets would go with it. A set that
// is made anew under its old name, or a verdict map (its elements refer to chains), never does.
BatchSplit split(const ChangeSet& changes);

}  // namespace kpol::nft
