// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::node {

// Throws base::Error, with the remedy, unless this process has CAP_NET_ADMIN, the only capability
// that kpold needs.
void expectCapabilities();

}  // namespace kpol::node
