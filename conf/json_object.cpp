// SPDX-License-Identifier: Apache-2.0
#include "conf/json_object.hpp"

#include <algorithm>

namespace kpol::conf {

namespace {

// Far more than any valid input needs. The limit protects the stack, because printing JSON is
// recursive.
constexpr int kDeepest = 100;

bool isSameButCase(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

Json parseJson(std::string_view text, std::string_view what) {
  const auto within = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth > kDeepest)
      throw ConfigError(
          "", std::string(what) + " is nested deeper than " + std::to_string(kDeepest) + " levels");
    return true;
  };
  try {
    return Json::parse(text, within);
  } catch (const Json::exception& error) {  // also for numbers out of range
    throw ConfigError("", std::string(what) + " is not JSON: " + error.what());
  }
}

void refuse(const std::string& path, std::string_view expected, const Json& found) {
  throw ConfigError(path, "must be " + std::string(expected) + ", not " +
                              (found.is_number() || found.is_string()
                                   ? found.dump(-1, ' ', false, Json::error_handler_t::replace)
                                   : found.type_name()));
}

JsonObject::JsonObject(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {
  if (!json.is_object()) refuse(path_, "a JSON object", json);
}

std::string JsonObject::pathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const Json* JsonObject::find(std::string_view key) const {
  auto found = json_->find(key);
  if (found == json_->end())
    for (found = json_->begin(); found != json_->end(); ++found)
      if (isSameButCase(found.key(), key)) break;
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

std::optional<JsonObject> JsonObject::object(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) return std::nullopt;
  return JsonObject(*found, pathOf(key));
}

std::optional<std::string> JsonObject::optionalString(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) return std::nullopt;
  return stringAt(*found, pathOf(key));
}

std::string JsonObject::string(std::string_view key) const {
  auto text = optionalString(key).value_or("");
  if (text.empty()) throw ConfigError(pathOf(key), "must be given");
  return text;
}

std::optional<std::int64_t> JsonObject::integer(std::string_view key, IntegerBounds bounds) const {
  const Json* found = find(key);
  if (found == nullptr) return std::nullopt;
  // An unsigned number above INT64_MAX would wrap when read as signed.
  const bool fits = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<std::uint64_t>() <= INT64_MAX);
  if (fits) {
    const auto value = found->get<std::int64_t>();
    if (bounds.least <= value && value <= bounds.most) return value;
  }
  refuse(pathOf(key),
         "an integer from " + std::to_string(bounds.least) + " to " + std::to_string(bounds.most),
         *found);
}

std::vector<std::string> JsonObject::strings(std::string_view key) const {
  std::vector<std::string> result;
  each(key, [&](const Json& element, const std::string& path) {
    result.push_back(stringAt(element, path));
  });
  return result;
}

std::optional<base::IpAddress> JsonObject::address(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) return std::nullopt;
  return addressAt(*found, pathOf(key));
}

base::IfName JsonObject::interface(std::string_view key) const {
  const auto text = string(key);
  const auto name = base::IfName::parse(text);
  if (!name) refuse(pathOf(key), "an interface name of at most 15 bytes", Json(text));
  return *name;
}

std::string stringAt(const Json& json, const std::string& path) {
  if (!json.is_string()) refuse(path, "a string", json);
  const auto& text = json.get_ref<const std::string&>();
  // The error does not repeat the text.
  if (text.size() > kLongestText)
    throw ConfigError(path, "must have at most " + std::to_string(kLongestText) + " bytes, not " +
                                std::to_string(text.size()));
  return text;
}

base::IpAddress addressAt(const Json& json, const std::string& path) {
  const auto address = base::IpAddress::parse(stringAt(json, path));
  if (!address) refuse(path, "an IP address", json);
  return *address;
}

}  // namespace kpol::conf
