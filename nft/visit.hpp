// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::nft {

// Combines one function per alternative for std::visit.
template <class... Functions>
struct Visit : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Visit(Functions...) -> Visit<Functions...>;

}  // namespace kpol::nft
