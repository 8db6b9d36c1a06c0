// SPDX-License-Identifier: Apache-2.0
#include "conf/control_message.hpp"

#include "conf/json_object.hpp"

namespace kpol::conf {
namespace {

// Returns the member, or null if there is none.
Json memberOf(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() ? Json() : *found;
}

Json parse(std::string_view body) {
  return Json::parse(body, nullptr, false);
}

// Whether the body is an object in which `field` is true.
bool says(std::string_view body, const char* field) {
  return memberOf(parse(body), field) == true;
}

}  // namespace

std::string printErrorBody(std::string_view error) {
  return Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string errorTextOf(std::string_view body) {
  const Json error = memberOf(parse(body), "error");
  return error.is_string() ? error.get<std::string>() : std::string(body.substr(0, 200));
}

bool saysReady(std::string_view statusBody) {
  return says(statusBody, "ready");
}

std::string faultIn(std::string_view statusBody) {
  const Json message = memberOf(memberOf(parse(statusBody), "fault"), "message");
  return message.is_string() ? message.get<std::string>() : std::string();
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
