// SPDX-License-Identifier: Apache-2.0
#include "conf/control_message.hpp"

#include "conf/json_object.hpp"

namespace kpol::conf {

std::string printErrorBody(std::string_view error) {
  return Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string errorTextOf(std::string_view body) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_object())
    if (const auto error = json.find("error"); error != json.end() && error->is_string())
      return error->get<std::string>();
  return std::string(body.substr(0, 200));
}

bool saysReady(std::string_view statusBody) {
  const Json json = Json::parse(statusBody, nullptr, false);
  if (!json.is_object()) return false;
  const auto ready = json.find("ready");
  return ready != json.end() && ready->is_boolean() && ready->get<bool>();
}

}  // namespace kpol::conf
