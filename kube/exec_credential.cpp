// SPDX-License-Identifier: Apache-2.0
#include "kube/exec_credential.hpp"

#include "kube/api_error.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace kpol::kube {
namespace {

using Json = nlohmann::json;

constexpr auto kMargin = std::chrono::seconds(15);

std::string textIn(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Parses "Z" or an offset such as "+02:00" (RFC 3339).
std::optional<std::chrono::minutes> parseOffset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  int hours = 0;
  int minutes = 0;
  char sign = 0;
  const std::string copy(text);
  if (copy.size() != 6 || std::sscanf(copy.c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3)
    return std::nullopt;
  if (sign != '+' && sign != '-') return std::nullopt;
  const std::chrono::minutes offset(hours * 60 + minutes);
  return sign == '+' ? offset : -offset;
}

}  // namespace

std::optional<std::chrono::sys_seconds> parseRfc3339(std::string_view text) {
  constexpr std::size_t kWithoutOffset = 19;  // "2026-01-31T12:00:00"
  if (text.size() <= kWithoutOffset) return std::nullopt;
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const std::string copy(text);
  if (std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  auto rest = text.substr(kWithoutOffset);
  if (rest.front() == '.')
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
  const auto offset = parseOffset(rest);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!offset || !date.ok()) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) - *offset;
}

bool expires(const ExecCredential& credential, std::chrono::system_clock::time_point now) {
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  return credential.expiresAt && *credential.expiresAt - kMargin <= second;
}

ExecCredential readExecCredential(std::string_view json) {
  const Json tree = Json::parse(json, nullptr, false);
  const bool named = tree.is_object() && textIn(tree, "kind") == "ExecCredential" &&
                     textIn(tree, "apiVersion").starts_with("client.authentication.k8s.io/");
  if (!named) throw ApiError("the exec plugin printed no ExecCredential");
  const auto status = tree.find("status");
  if (status == tree.end() || !status->is_object())
    throw ApiError("the exec plugin's ExecCredential has no status");
  ExecCredential credential{textIn(*status, "token"), textIn(*status, "clientCertificateData"),
                            textIn(*status, "clientKeyData"), std::nullopt};
  if (credential.token.empty() && credential.certificatePem.empty())
    throw ApiError("the exec plugin's ExecCredential has neither a token nor a certificate");
  if (credential.certificatePem.empty() != credential.keyPem.empty())
    throw ApiError(
        "the exec plugin's ExecCredential must have both a certificate and a key, or neither");
  const std::string expiry = textIn(*status, "expirationTimestamp");
  if (expiry.empty()) return credential;
  credential.expiresAt = parseRfc3339(expiry);
  if (!credential.expiresAt)
    throw ApiError(
        "the exec plugin's ExecCredential has an expirationTimestamp that is not an RFC 3339 time");
  return credential;
}

}  // namespace kpol::kube
