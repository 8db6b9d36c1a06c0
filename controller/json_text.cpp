// SPDX-License-Identifier: Apache-2.0
#include "controller/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kpol::controller {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace kpol::controller
