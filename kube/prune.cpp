// SPDX-License-Identifier: Apache-2.0
#include "kube/prune.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace kpol::kube {
namespace {

// The members that are most of the text of a large cluster's objects and that no decoder uses, by
// the key of the object they are in. Skipping them makes it possible to read 100,000 Pods in a
// second or two. "spec" lists no name that a NetworkPolicy's spec might contain by mistake.
struct Unused {
  std::string_view owner;
  std::array<std::string_view, 13> names;
};
constexpr std::array kUnused = {
    Unused{"metadata", {"managedFields", "ownerReferences", "generateName"}},
    Unused{"spec", {"volumes", "tolerations", "affinity"}},
    Unused{"containers",
           {"env", "resources", "volumeMounts", "livenessProbe", "readinessProbe", "startupProbe",
            "args", "command", "image", "imagePullPolicy", "securityContext",
            "terminationMessagePath", "terminationMessagePolicy"}},
    Unused{"initContainers",
           {"env", "resources", "volumeMounts", "startupProbe", "args", "command", "image",
            "imagePullPolicy", "securityContext"}},
    Unused{"status",
           {"conditions", "containerStatuses", "initContainerStatuses", "images", "startTime",
            "qosClass", "nodeInfo", "capacity", "allocatable"}},
};

constexpr std::size_t kNone = std::string_view::npos;

// One open object or list.
struct Level {
  bool isObject = false;
  bool keyNext = false;    // of an object: the next string is a key
  std::string_view owner;  // the key of this object or list
};

class Pruner {
 public:
  explicit Pruner(std::string_view json) : json_(json) {}

  // Returns false if the text is not complete or its brackets do not match.
  bool run() {
    while (at_ < json_.size()) {
      if (!step()) return false;
      if (levels_.empty()) break;
    }
    out_ += json_.substr(copied_);
    return levels_.empty();
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  bool step();
  bool takeString();
  bool takeKey(std::string_view key, std::size_t colon);
  void open(bool isObject);
  [[nodiscard]] std::size_t afterBlanks(std::size_t at) const;
  [[nodiscard]] std::size_t endOfString(std::size_t quote) const;
  [[nodiscard]] std::size_t endOfValue(std::size_t at) const;
  [[nodiscard]] std::size_t endOfNested(std::size_t at) const;

  std::string_view json_;
  std::size_t at_ = 0;
  std::size_t copied_ = 0;  // everything before is in out_ or left out
  std::string out_;
  std::vector<Level> levels_;
  std::string_view key_;  // of the next value
};

std::size_t Pruner::afterBlanks(std::size_t at) const {
  return std::min(json_.find_first_not_of(" \t\r\n", at), json_.size());
}

// The position after the closing quote, which is preceded by an even number of backslashes.
std::size_t Pruner::endOfString(std::size_t quote) const {
  const char* const data = json_.data();
  for (std::size_t from = quote + 1; from < json_.size();) {
    const void* found = std::memchr(data + from, '"', json_.size() - from);
    if (found == nullptr) return kNone;
    const auto close = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    std::size_t first = close;
    while (first > quote + 1 && data[first - 1] == '\\') --first;
    if ((close - first) % 2 == 0) return close + 1;
    from = close + 1;
  }
  return kNone;
}

std::size_t Pruner::endOfNested(std::size_t at) const {
  std::size_t depth = 0;
  while (at < json_.size()) {
    const char c = json_[at];
    if (c == '"') {
      at = endOfString(at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return kNone;
}

std::size_t Pruner::endOfValue(std::size_t at) const {
  if (at >= json_.size()) return kNone;
  if (json_[at] == '"') return endOfString(at);
  if (json_[at] == '{' || json_[at] == '[') return endOfNested(at);
  return at;  // a number or a word is short, so it stays
}

// Objects in a list belong to the list's key.
void Pruner::open(bool isObject) {
  const bool inList = !levels_.empty() && !levels_.back().isObject;
  const std::string_view owner = inList ? levels_.back().owner : key_;
  levels_.push_back({isObject, isObject, owner});
  key_ = {};
}

bool Pruner::takeKey(std::string_view key, std::size_t colon) {
  if (colon >= json_.size() || json_[colon] != ':') return false;
  levels_.back().keyNext = false;
  key_ = key;
  at_ = afterBlanks(colon + 1);
  if (!isUnused(levels_.back().owner, key)) return true;
  const std::size_t end = endOfValue(at_);
  if (end == kNone) return false;
  if (end == at_) return true;
  out_ += json_.substr(copied_, at_ - copied_);
  out_ += "null";
  at_ = copied_ = end;
  return true;
}

bool Pruner::takeString() {
  const std::size_t end = endOfString(at_);
  if (end == kNone) return false;
  const bool isKey = !levels_.empty() && levels_.back().keyNext;
  if (isKey) return takeKey(json_.substr(at_ + 1, end - at_ - 2), afterBlanks(end));
  at_ = end;
  return true;
}

bool Pruner::step() {
  const char c = json_[at_];
  if (c == '"') return takeString();
  ++at_;
  if (c == '{' || c == '[') {
    open(c == '{');
  } else if (c == '}' || c == ']') {
    if (levels_.empty() || levels_.back().isObject != (c == '}')) return false;
    levels_.pop_back();
  } else if (c == ',' && !levels_.empty()) {
    levels_.back().keyNext = levels_.back().isObject;
    key_ = {};
  }
  return true;
}

}  // namespace

bool isUnused(std::string_view owner, std::string_view name) {
  // An object may have 256 KiB of annotations. The decoder of Pods reads these two.
  if (owner == "annotations")
    return name != "kubernetes.io/config.hash" && name != "kubernetes.io/config.mirror";
  for (const auto& unused : kUnused)
    if (unused.owner == owner)
      return !name.empty() && std::ranges::find(unused.names, name) != unused.names.end();
  return false;
}

std::string pruned(std::string_view json) {
  Pruner pruner(json);
  if (!pruner.run()) return std::string(json);
  return pruner.take();
}

}  // namespace kpol::kube
