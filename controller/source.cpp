// SPDX-License-Identifier: Apache-2.0
#include "controller/source.hpp"

#include "base/async/asio.hpp"

namespace kpol::controller {

base::Task<unsigned> Source::post(std::string /*path*/, std::string /*body*/) {
  co_return 0;
}

base::Task<unsigned> Source::patch(std::string /*path*/, std::string /*body*/) {
  co_return 0;
}

}  // namespace kpol::controller
