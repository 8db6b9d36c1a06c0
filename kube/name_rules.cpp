// SPDX-License-Identifier: Apache-2.0
#include "kube/name_rules.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxSubdomain = 253;
constexpr std::size_t kMaxPortName = 15;

// Not <cctype>: names are ASCII in every locale.
constexpr bool isLower(char c) {
  return c >= 'a' && c <= 'z';
}
constexpr bool isDigit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool isLowerOrDigit(char c) {
  return isLower(c) || isDigit(c);
}
constexpr bool isAlphanumeric(char c) {
  return isLowerOrDigit(c) || (c >= 'A' && c <= 'Z');
}

bool isDnsLabelText(std::string_view text) {
  return !text.empty() && isLowerOrDigit(text.front()) && isLowerOrDigit(text.back()) &&
         std::ranges::all_of(text, [](char c) { return isLowerOrDigit(c) || c == '-'; });
}

bool isDnsSubdomainText(std::string_view text) {
  for (auto dot = text.find('.'); dot != text.npos; dot = text.find('.')) {
    if (!isDnsLabelText(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return isDnsLabelText(text);
}

// The name part of a label key, or a label value that is not empty.
bool isLabelText(std::string_view text) {
  return !text.empty() && isAlphanumeric(text.front()) && isAlphanumeric(text.back()) &&
         std::ranges::all_of(
             text, [](char c) { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

}  // namespace

Flaw dnsLabelFlaw(std::string_view text) {
  if (text.size() > kMaxLabel) return "must have at most 63 characters";
  if (isDnsLabelText(text)) return std::nullopt;
  return "must be lower case letters, digits and '-', with a letter or digit at both ends";
}

Flaw dnsSubdomainFlaw(std::string_view text) {
  if (text.size() > kMaxSubdomain) return "must have at most 253 characters";
  if (isDnsSubdomainText(text)) return std::nullopt;
  return "must be lower case letters, digits, '-' and '.', with a letter or digit at both ends of "
         "every part";
}

Flaw qualifiedNameFlaw(std::string_view text) {
  const auto slash = text.find('/');
  if (slash != text.npos) {
    if (dnsSubdomainFlaw(text.substr(0, slash))) {
      return "must have a DNS subdomain of at most 253 characters before the '/'";
    }
    text.remove_prefix(slash + 1);
  }
  if (text.size() > kMaxLabel) return "must have a name of at most 63 characters";
  if (isLabelText(text)) return std::nullopt;
  return "must have a name of letters, digits, '-', '_' and '.', with a letter or digit at both "
         "ends";
}

Flaw labelValueFlaw(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.size() > kMaxLabel) return "must have at most 63 characters";
  if (isLabelText(text)) return std::nullopt;
  return "must be empty or letters, digits, '-', '_' and '.', with a letter or digit at both ends";
}

Flaw portNameFlaw(std::string_view text) {
  if (text.size() > kMaxPortName) return "must have at most 15 characters";
  const bool good =
      isDnsLabelText(text) && text.find("--") == text.npos && std::ranges::any_of(text, isLower);
  if (good) return std::nullopt;
  return "must be lower case letters, digits and single '-', with at least one letter and a letter "
         "or digit at both ends";
}

}  // namespace kpol::kube
