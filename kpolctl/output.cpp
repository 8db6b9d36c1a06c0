// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/output.hpp"

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include <string_view>

namespace kpol::kpolctl {
namespace {

// Whether every YAML reader takes the unquoted text for exactly this string. Texts in doubt
// (numbers, booleans, addresses with colons) are quoted.
bool isPlain(const std::string& text) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/";
  constexpr std::string_view kRest =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._- ";
  if (text.empty() || kFirst.find(text.front()) == std::string_view::npos) return false;
  if (text.find_first_not_of(kRest) != std::string::npos || text.back() == ' ') return false;
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    const std::string_view known(word);
    const bool same = text.size() == known.size() &&
                      std::equal(text.begin(), text.end(), known.begin(), [](char a, char b) {
                        return std::tolower(static_cast<unsigned char>(a)) == b;
                      });
    if (same) return false;
  }
  return true;
}

void emitText(YAML::Emitter& out, const std::string& text) {
  if (text.find('\n') != std::string::npos)
    out << YAML::Literal << text;
  else if (isPlain(text))
    out << text;
  else
    out << YAML::DoubleQuoted << text;
}

void emit(YAML::Emitter& out, const Json& json) {
  if (json.is_object() && !json.empty()) {
    out << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key;
      emitText(out, key);
      out << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array() && !json.empty()) {
    out << YAML::BeginSeq;
    for (const auto& value : json) emit(out, value);
    out << YAML::EndSeq;
  } else if (json.is_structured()) {
    out << YAML::Flow;
    out << (json.is_object() ? YAML::BeginMap : YAML::BeginSeq);
    out << (json.is_object() ? YAML::EndMap : YAML::EndSeq);
  } else if (json.is_string()) {
    emitText(out, json.get<std::string>());
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();  // numbers and booleans are written as in JSON
  }
}

}  // namespace

std::string textOf(const Json& json, const char* field) {
  return json.at(field).get<std::string>();
}

std::string jsonText(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string yamlText(const Json& json) {
  YAML::Emitter out;
  emit(out, json);
  std::string text(out.c_str(), out.size());
  if (!text.ends_with('\n')) text += '\n';  // a literal block already ends with a newline
  return text;
}

}  // namespace kpol::kpolctl
