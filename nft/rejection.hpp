// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/batch.hpp"
#include "nft/batch_answer.hpp"
#include "nft/change_set.hpp"
#include "nft/encode.hpp"
#include "nft/kernel.hpp"

// Private to nft/.
namespace kpol::nft {

// The context of a rejection. `batch` contains messages of `changes`; `declarations` are those used
// to encode it.
struct Refused {
  const Batch& batch;
  const ChangeSet& changes;
  const Declarations& declarations;
};
// Finds the rejected change (and element) and describes it.
Rejected describe(const MessageRefusal& refusal, const Refused& refused);

}  // namespace kpol::nft
