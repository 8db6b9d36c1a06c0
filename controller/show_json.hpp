// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"
#include "controller/node_state.hpp"
#include "policy/evaluate.hpp"

#include <optional>
#include <string>

// Bodies of /v1/show and /v1/explain, as JSON text. Lists are {"items":[…]}.
namespace kpol::controller {

std::string podsJson(const NodeState& state);
std::string policiesJson(const NodeState& state);
// The sets of the table in the kernel.
std::string setsJson(const NodeState& state);
// {"table":…,"text":…}: the table as `nft list table` prints it.
std::string rulesetJson(const NodeState& state);
// These return nullopt if there is no such object.
std::optional<std::string> podJson(const NodeState& state, const base::ObjectKey& key);
std::optional<std::string> policyJson(const NodeState& state, const base::ObjectKey& key);

// The query of /v1/explain. `from` and `to` are each NAMESPACE/POD or an IP address.
struct Question {
  std::string from;
  std::string to;
  std::uint8_t protocol = 6;
  std::uint16_t port = 0;
};
// Throws conf::ConfigError if `from` or `to` is neither an address nor a known pod with an address,
// or if the two have no address family in common.
std::string explainJson(const policy::Snapshot& snapshot, const Question& question);

}  // namespace kpol::controller
