// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <functional>
#include <string>

namespace kpol::base {

// Namespace and name of a namespaced Kubernetes object. Compared as a pair, never as joined text,
// because "a-b"/"c" and "a"/"b-c" are different.
struct ObjectKey {
  std::string ns;
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
};

// "ns/name", for messages. A valid key has no '/' in either part.
inline std::string toString(const ObjectKey& key) {
  return key.ns + "/" + key.name;
}

}  // namespace kpol::base

template <>
struct std::hash<kpol::base::ObjectKey> {
  std::size_t operator()(const kpol::base::ObjectKey& key) const noexcept {
    const std::size_t first = std::hash<std::string>{}(key.ns);
    return first * 1099511628211ULL ^ std::hash<std::string>{}(key.name);
  }
};
