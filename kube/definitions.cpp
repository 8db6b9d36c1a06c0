// SPDX-License-Identifier: Apache-2.0
#include "kube/definitions.hpp"

#include "kube/metadata_name.hpp"

#include <iterator>
#include <utility>

namespace kpol::kube {
namespace {

ObjectId namespaceId(const std::string& name) {
  return {Kind::Namespace, {{}, name}};
}

policy::Namespace implicitNamespace(const std::string& name) {
  return {name, policy::Labels({{std::string(kMetadataName), name}})};
}

}  // namespace

std::optional<Object> Definitions::standing(const ObjectId& id) const {
  if (const auto it = defined_.find(id); it != defined_.end()) return it->second.begin()->second;
  if (id.kind == Kind::Namespace && population_.contains(id.key.name)) {
    return implicitNamespace(id.key.name);
  }
  return std::nullopt;
}

// Must be called before each change.
void Definitions::touch(const ObjectId& id) {
  before_.try_emplace(id, standing(id));
  if (!id.key.ns.empty()) {
    const ObjectId ns = namespaceId(id.key.ns);
    before_.try_emplace(ns, standing(ns));
  }
}

void Definitions::define(const ObjectId& id, const std::string& file, Object object) {
  const auto it = defined_.find(id);
  if (it != defined_.end()) {
    const auto old = it->second.find(file);
    if (old != it->second.end() && old->second == object) return;
  }
  touch(id);
  auto& definitions = defined_[id];
  if (definitions.empty() && !id.key.ns.empty()) ++population_[id.key.ns];
  definitions.insert_or_assign(file, std::move(object));
  if (definitions.size() > 1) contested_.insert(id);
}

void Definitions::remove(const ObjectId& id, const std::string& file) {
  touch(id);
  const auto it = defined_.find(id);
  it->second.erase(file);
  if (it->second.size() <= 1) contested_.erase(id);
  if (!it->second.empty()) return;
  defined_.erase(it);
  if (id.key.ns.empty()) return;
  const auto count = population_.find(id.key.ns);
  if (--count->second == 0) population_.erase(count);
}

void Definitions::replace(const std::string& file, std::vector<Object> objects) {
  std::set<ObjectId> gone = std::exchange(files_[file], {});
  std::set<ObjectId> present;
  for (Object& object : objects) {
    const ObjectId id = idOf(object);
    gone.erase(id);
    define(id, file, std::move(object));
    present.insert(id);
  }
  for (const ObjectId& id : gone) remove(id, file);
  if (present.empty()) {
    files_.erase(file);
  } else {
    files_[file] = std::move(present);
  }
}

std::vector<WatchEvent> Definitions::takeEvents() {
  std::vector<WatchEvent> events;
  std::vector<WatchEvent> deleted;
  for (auto& [id, before] : std::exchange(before_, {})) {
    auto after = standing(id);
    if (before == after) continue;
    if (!after) {
      deleted.push_back({WatchEvent::Type::Deleted, *before});
    } else {
      const auto type = before ? WatchEvent::Type::Modified : WatchEvent::Type::Added;
      events.push_back({type, std::move(*after)});
    }
  }
  std::move(deleted.rbegin(), deleted.rend(), std::back_inserter(events));
  return events;
}

std::vector<policy::Diagnostic> Definitions::conflicts() const {
  std::vector<policy::Diagnostic> result;
  for (const ObjectId& id : contested_) {
    const auto& definitions = defined_.at(id);
    const std::string& first = definitions.begin()->first;
    for (auto it = std::next(definitions.begin()); it != definitions.end(); ++it) {
      result.push_back({policy::Diagnostic::Severity::Warning,
                        toString(id),
                        {},
                        it->first + ": is ignored, the object is already defined in " + first});
    }
  }
  return result;
}

}  // namespace kpol::kube
