// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::nft {

// One function for every alternative, for std::visit.
template <class... Functions>
struct Visit : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Visit(Functions...) -> Visit<Functions...>;

}  // namespace kpol::nft
