// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "nft/foreign.hpp"

// Private to nft/.
namespace kpol::nft {

// Decodes a third-party rule from a message of a dump. An unknown expression becomes a match with
// Field::Unknown. Throws netlink::Error with EBADMSG.
ForeignRule decodeForeignRule(const netlink::MessageView& message);

}  // namespace kpol::nft
