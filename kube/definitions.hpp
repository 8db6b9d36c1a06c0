// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kpol::kube {

// The objects that a number of files define, and which definitions are in effect. If several files
// define an object, the first file by name wins. A Namespace that no file defines, but that
// contains an object, has only its kubernetes.io/metadata.name label. Pure; the cost depends on
// what changes.
class Definitions {
 public:
  // Replaces everything that `file` defined with `objects`, which have different IDs.
  void replace(const std::string& file, std::vector<Object> objects);

  // The changes since the last call. Added and Modified come first, beginning with Namespaces and
  // Nodes; then Deleted, Namespaces last.
  std::vector<WatchEvent> takeEvents();

  // All definitions that are not in effect, because an earlier file defines the object.
  [[nodiscard]] std::vector<policy::Diagnostic> conflicts() const;

 private:
  [[nodiscard]] std::optional<Object> standing(const ObjectId& id) const;
  void touch(const ObjectId& id);
  void define(const ObjectId& id, const std::string& file, Object object);
  void remove(const ObjectId& id, const std::string& file);

  std::map<ObjectId, std::map<std::string, Object>> defined_;  // by file; the first is in effect
  std::map<std::string, std::set<ObjectId>> files_;            // defined by each file
  std::map<std::string, std::size_t> population_;     // number of objects in each namespace
  std::set<ObjectId> contested_;                      // defined in several files
  std::map<ObjectId, std::optional<Object>> before_;  // in effect at the last takeEvents()
};

}  // namespace kpol::kube
