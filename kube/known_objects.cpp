// SPDX-License-Identifier: Apache-2.0
#include "kube/known_objects.hpp"

#include <algorithm>
#include <utility>

namespace kpol::kube {

bool KnownObjects::insert(Names& names, const base::ObjectKey& key) {
  auto& sorted = names[key.ns];
  if (sorted.empty() || sorted.back() < key.name) {
    sorted.push_back(key.name);
    return true;
  }
  const auto place = std::ranges::lower_bound(sorted, key.name);
  if (*place == key.name) return false;
  sorted.insert(place, key.name);
  return true;
}

bool KnownObjects::holds(const Names& names, const base::ObjectKey& key) {
  const auto ns = names.find(key.ns);
  return ns != names.end() && std::ranges::binary_search(ns->second, key.name);
}

void KnownObjects::add(const base::ObjectKey& key) {
  insert(known_, key);
  if (listing_) insert(seen_, key);
}

void KnownObjects::remove(const base::ObjectKey& key) {
  for (Names* names : {&known_, &seen_}) {
    const auto ns = names->find(key.ns);
    if (ns == names->end()) continue;
    const auto place = std::ranges::lower_bound(ns->second, key.name);
    if (place != ns->second.end() && *place == key.name) ns->second.erase(place);
    if (ns->second.empty()) names->erase(ns);
  }
}

bool KnownObjects::contains(const base::ObjectKey& key) const {
  return holds(known_, key);
}

std::size_t KnownObjects::size() const {
  std::size_t size = 0;
  for (const auto& [ns, names] : known_) size += names.size();
  return size;
}

void KnownObjects::beginList() {
  listing_ = true;
  seen_.clear();
}

std::vector<base::ObjectKey> KnownObjects::endList() {
  std::vector<base::ObjectKey> gone;
  for (const auto& [ns, names] : known_) {
    for (const auto& name : names) {
      base::ObjectKey key{ns, name};
      if (!holds(seen_, key)) gone.push_back(std::move(key));
    }
  }
  known_ = std::exchange(seen_, {});
  listing_ = false;
  return gone;
}

}  // namespace kpol::kube
