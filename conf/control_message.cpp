// SPDX-License-Identifier: Apache-2.0
#include "conf/control_message.hpp"

#include "conf/json_object.hpp"

namespace kpol::conf {
namespace {

// Whether the body is an object whose `field` is true.
bool says(std::string_view body, const char* field) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return false;
  const auto found = json.find(field);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

}  // namespace

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
  return says(statusBody, "ready");
}

std::string faultIn(std::string_view statusBody) {
  const Json json = Json::parse(statusBody, nullptr, false);
  if (!json.is_object() || !json.contains("fault") || !json["fault"].is_object()) return {};
  return json["fault"].value("message", "");
}

std::string printKnown(std::string_view attachment, bool enforced) {
  Json json = Json::parse(attachment);
  json["enforced"] = enforced;
  return json.dump();
}

bool saysEnforced(std::string_view body) {
  return says(body, "enforced");
}

std::string printRemoved(std::uint64_t generation, bool settling) {
  return Json{{"generation", generation}, {"settling", settling}}.dump();
}

bool saysSettling(std::string_view body) {
  return says(body, "settling");
}

}  // namespace kpol::conf
