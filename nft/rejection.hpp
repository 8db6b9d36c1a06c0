// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/batch.hpp"
#include "nft/batch_answer.hpp"
#include "nft/change_set.hpp"
#include "nft/encode.hpp"
#include "nft/kernel.hpp"

// Private to nft/.
namespace kpol::nft {

// What the kernel refused, traced back to the change (and the element) and put into words.
// `batch` holds messages of `changes`; `declarations` are those it was encoded with.
struct Refused {
  const Batch& batch;
  const ChangeSet& changes;
  const Declarations& declarations;
};
Rejected describe(const MessageRefusal& refusal, const Refused& refused);

}  // namespace kpol::nft
