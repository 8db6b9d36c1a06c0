// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"

#include <chrono>
#include <compare>
#include <string>

namespace kpol::controller {

// A core/v1 Event about an object, as `kubectl get events` shows it.
struct ClusterEvent {
  enum class Type : unsigned char { Normal, Warning };
  Type type = Type::Warning;
  std::string apiVersion;  // of the object: "networking.k8s.io/v1"
  std::string kind;        // "NetworkPolicy"
  base::ObjectKey object;  // without a namespace if the kind is cluster-scoped
  std::string reason;      // one word in PascalCase
  std::string message;
  auto operator<=>(const ClusterEvent&) const = default;
};

// The API path to POST to. Events about cluster-scoped objects are in the namespace "default".
std::string pathOf(const ClusterEvent& event);
// The JSON of the Event, reported by kpold on `node`. Messages are cut to the API's limit of 1024
// bytes.
std::string bodyOf(const ClusterEvent& event, const std::string& node,
                   std::chrono::system_clock::time_point at);

// The strategic merge patch for a Node's status that sets the condition NetworkUnavailable to
// False.
std::string networkAvailablePatch(std::chrono::system_clock::time_point at);

}  // namespace kpol::controller
