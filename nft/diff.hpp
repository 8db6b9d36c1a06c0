// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"

#include <optional>

namespace kpol::nft {

// The changes that turn `from` (nullopt: no table yet) into `to`:
//   apply(diff(from, to), from) == to, and diff(x, x) is empty.
// Equal objects are not changed. Sets change element by element. If rules are only appended to a
// chain, the existing ones stay; otherwise the chain is flushed and refilled in the same
// transaction. If a set must be recreated, the chains whose rules refer to it are refilled too.
// The kernel accepts the order in a single batch: referring objects are deleted before and added
// after the objects that they refer to, and deletions precede additions of the same name.
ChangeSet diff(const std::optional<Ruleset>& from, const Ruleset& to);

}  // namespace kpol::nft
