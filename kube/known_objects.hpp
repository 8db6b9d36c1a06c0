// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace kpol::kube {

// The names of the objects of one kind that are known, and which of them a list that is under way
// has shown: what remains is gone. Sorted names in one vector a namespace, since an API server
// lists in that order and 100,000 of them should take no more than their text.
class KnownObjects {
 public:
  void add(const base::ObjectKey& key);
  void remove(const base::ObjectKey& key);
  [[nodiscard]] bool contains(const base::ObjectKey& key) const;
  [[nodiscard]] std::size_t size() const;

  // A list begins: nothing has been seen yet.
  void beginList();
  // Forgets what was not seen since beginList(), and returns it. Names that add() was called with
  // since count as seen.
  std::vector<base::ObjectKey> endList();

 private:
  using Names = std::map<std::string, std::vector<std::string>>;
  static bool insert(Names& names, const base::ObjectKey& key);
  static bool holds(const Names& names, const base::ObjectKey& key);

  Names known_;
  Names seen_;
  bool listing_ = false;
};

}  // namespace kpol::kube
