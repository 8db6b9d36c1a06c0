// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::node {

// Throws base::Error that says what to do unless this process has CAP_NET_ADMIN, the one capability
// that kpold needs.
void expectCapabilities();

}  // namespace kpol::node
