// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>

namespace kpol::policy {

// A message to the operator about an object that kpol could not apply as written.
struct Diagnostic {
  enum class Severity : unsigned char { Warning, Error };
  Severity severity = Severity::Error;
  std::string object;   // "NetworkPolicy shop/allow-web", or "" if it concerns no single object
  std::string field;    // "spec.ingress[0].ports[1].port", or ""
  std::string message;  // a sentence without a final full stop
  auto operator<=>(const Diagnostic&) const = default;
};

// "NetworkPolicy shop/allow-web: spec.ingress[0].ports[1].port: must be 1..65535".
std::string toString(const Diagnostic& diagnostic);

}  // namespace kpol::policy
