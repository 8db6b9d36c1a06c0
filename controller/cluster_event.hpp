// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"

#include <chrono>
#include <compare>
#include <string>

namespace kpol::controller {

// What kpold tells the cluster about one of its objects; a core/v1 Event, as `kubectl get events`
// shows it.
struct ClusterEvent {
  enum class Type : unsigned char { Normal, Warning };
  Type type = Type::Warning;
  std::string apiVersion;  // of the object: "networking.k8s.io/v1"
  std::string kind;        // "NetworkPolicy"
  base::ObjectKey object;  // without namespace where it is the cluster's
  std::string reason;      // a word in PascalCase
  std::string message;
  auto operator<=>(const ClusterEvent&) const = default;
};

// Where it is posted to. Events on the cluster's objects are kept in the namespace "default".
std::string pathOf(const ClusterEvent& event);
// Its JSON, said by kpold on `node`. Messages are cut to the 1024 bytes that the API takes.
std::string bodyOf(const ClusterEvent& event, const std::string& node,
                   std::chrono::system_clock::time_point at);

}  // namespace kpol::controller
