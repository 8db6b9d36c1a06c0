// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

// The default for pods that no policy selects. NetworkPolicy does not restrict them; kpol can be
// configured to, for a node or for one namespace, without a policy in every namespace. The default
// acts like one more NetworkPolicy that selects all pods of the namespace and allows nothing, so
// other policies add to it as usual.
namespace kpol::policy {

enum class DefaultPolicy : std::uint8_t { Allow, DenyIngress, Deny };
// Accepts "allow", "deny-ingress" and "deny"; returns nullopt for anything else.
std::optional<DefaultPolicy> parseDefaultPolicy(std::string_view text);
std::string_view toString(DefaultPolicy policy);

struct Posture {
  DefaultPolicy defaultPolicy = DefaultPolicy::Allow;
  std::set<std::string> systemNamespaces;  // Allow, unless their label overrides it
};

// The label of a namespace that overrides its default, with a word of parseDefaultPolicy(). Any
// other value means "deny", because the author wanted something other than the default.
inline constexpr const char* kDefaultPolicyLabel = "kpol.io/default-policy";
bool hasUnknownDefaultPolicy(const Namespace& ns);

// The name of implied policies. No API object can have it.
inline constexpr const char* kImpliedPolicyName = "(default-policy)";

// Returns the policy that `posture` and the namespace's label imply; nullopt if that is Allow.
std::optional<NetworkPolicy> impliedPolicy(const Posture& posture, const Namespace& ns);

}  // namespace kpol::policy
