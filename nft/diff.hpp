// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"

#include <optional>

namespace kpol::nft {

// The changes that turn `from` (nothing: no table yet) into `to`:
//   apply(diff(from, to), from) == to, and diff(x, x) is empty.
// Objects that are equal in both are not mentioned; sets change element by element, a chain whose
// rules differ keeps their longest common prefix only when nothing has to be removed, else is
// flushed and refilled in the same transaction. A set, chain or counter that must be made anew
// takes with it the rules and elements that refer to it.
// The order is one the kernel accepts in a single batch: what refers goes before what is referred
// to when deleting, after it when adding; deletions before additions of the same name.
ChangeSet diff(const std::optional<Ruleset>& from, const Ruleset& to);

}  // namespace kpol::nft
