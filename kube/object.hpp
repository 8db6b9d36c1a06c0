// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"
#include "policy/objects.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <variant>

namespace kpol::kube {

enum class Kind : unsigned char { Namespace, Node, Pod, NetworkPolicy };
std::string_view toString(Kind kind);  // "Pod", ...

using Object = std::variant<policy::Namespace, policy::Node, policy::Pod, policy::NetworkPolicy>;

// Identifies an object. Cluster-scoped kinds have an empty key.ns.
struct ObjectId {
  Kind kind = Kind::Pod;
  base::ObjectKey key;
  auto operator<=>(const ObjectId&) const = default;
};
ObjectId idOf(const Object& object);
std::string toString(const ObjectId& id);  // "Pod shop/web", "Namespace shop"

struct WatchEvent {
  enum class Type : unsigned char { Added, Modified, Deleted };
  Type type = Type::Added;
  Object object;  // if Deleted, only its ID is meaningful
  bool operator==(const WatchEvent&) const = default;
};

}  // namespace kpol::kube
