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

// The objects that a number of files define, and which of them stand: of an object defined twice,
// that of the first file by name; of a Namespace that no file defines but some object is in, one
// with only its kubernetes.io/metadata.name label. Pure; cost follows what changes.
class Definitions {
 public:
  // Puts `objects`, no two of one id, in place of all that `file` defined.
  void replace(const std::string& file, std::vector<Object> objects);

  // What became different since the last call. Added and Modified come first, Namespaces and Nodes
  // leading; then Deleted, Namespaces last.
  std::vector<WatchEvent> takeEvents();

  // Every definition that does not stand because an earlier file has the object.
  [[nodiscard]] std::vector<policy::Diagnostic> conflicts() const;

 private:
  [[nodiscard]] std::optional<Object> standing(const ObjectId& id) const;
  void touch(const ObjectId& id);
  void define(const ObjectId& id, const std::string& file, Object object);
  void remove(const ObjectId& id, const std::string& file);

  std::map<ObjectId, std::map<std::string, Object>> defined_;  // by file; the first one stands
  std::map<std::string, std::set<ObjectId>> files_;            // what each file defines
  std::map<std::string, std::size_t> population_;              // objects in each namespace
  std::set<ObjectId> contested_;                               // defined in several files
  std::map<ObjectId, std::optional<Object>> before_;           // what stood at the last takeEvents
};

}  // namespace kpol::kube
