// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace kpol::kube {

using Json = nlohmann::json;

// The maximum nesting of objects and lists. No Kubernetes kind needs more than about 20. The limit
// exists because the decoders and the JSON library's copies are recursive.
inline constexpr std::size_t kMaxDepth = 200;

// Builds a tree from the events of a JSON or YAML parser and checks the rules that both share: no
// duplicate key in an object, at most kMaxDepth levels. The events must be balanced. A key or
// value that violates a rule throws SyntaxError, without a line, which only the parser knows.
class TreeBuilder {
 public:
  void beginObject() { begin(Json::value_t::object); }
  void beginList() { begin(Json::value_t::array); }
  void end() { open_.pop_back(); }
  // Adds the key of the next value; the innermost open value must be an object. Returns the stored
  // key.
  const std::string& key(std::string name);
  // Adds a scalar, or a whole tree of `depth` levels. The reference is valid until the next event.
  Json& value(Json value, std::size_t depth = 0);

  [[nodiscard]] Json& innermost() { return *open_.back(); }
  // Returns the finished tree; null if there were no events.
  Json take() { return std::move(root_); }

 private:
  void begin(Json::value_t type);

  Json root_;
  std::vector<Json*> open_;  // each is the last value in the one before, so none moves
  Json* slot_ = nullptr;     // of the last key
};

}  // namespace kpol::kube
