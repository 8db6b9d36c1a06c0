// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace kpol::kube {

// The names of the known objects of one kind, and which of them the current list has shown; the
// others have been deleted. The names are sorted in one vector for each namespace, because an API
// server lists in that order and 100,000 names should need little more than their text.
class KnownObjects {
 public:
  void add(const base::ObjectKey& key);
  void remove(const base::ObjectKey& key);
  [[nodiscard]] bool contains(const base::ObjectKey& key) const;
  [[nodiscard]] std::size_t size() const;

  // A list begins: no object has been seen yet.
  void beginList();
  // Removes and returns the names that were not seen since beginList(), that is, not passed to
  // add().
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
