// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

// How pods stand that no policy selects. NetworkPolicy leaves them open; a node, or one namespace,
// can be told otherwise without a policy in every namespace. It acts as one more NetworkPolicy that
// selects all pods of the namespace and admits nothing, so other policies add to it as usual.
namespace kpol::policy {

enum class DefaultPolicy : std::uint8_t { Allow, DenyIngress, Deny };
// "allow", "deny-ingress", "deny"; anything else: nothing.
std::optional<DefaultPolicy> parseDefaultPolicy(std::string_view text);
std::string_view toString(DefaultPolicy policy);

struct Posture {
  DefaultPolicy defaultPolicy = DefaultPolicy::Allow;
  std::set<std::string> systemNamespaces;  // where only their own label makes it other than Allow
};

// The label of a namespace that decides for it: one of the words of parseDefaultPolicy(). Any other
// value means "deny": somebody wanted something else than the default.
inline constexpr const char* kDefaultPolicyLabel = "kpol.io/default-policy";
bool hasUnknownDefaultPolicy(const Namespace& ns);

// The name of implied policies; no object of the API can have it.
inline constexpr const char* kImpliedPolicyName = "(default-policy)";

// The policy that `posture` and the namespace's label imply there; nothing: none.
std::optional<NetworkPolicy> impliedPolicy(const Posture& posture, const Namespace& ns);

}  // namespace kpol::policy
