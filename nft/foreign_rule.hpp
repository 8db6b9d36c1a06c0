// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "nft/foreign.hpp"

// Private to nft/.
namespace kpol::nft {

// A rule of somebody else's, from a message of a dump. What is not known here is an Unknown match.
// Throws netlink::Error with EBADMSG.
ForeignRule decodeForeignRule(const netlink::MessageView& message);

}  // namespace kpol::nft
