// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace kpol::kube {

using Json = nlohmann::json;

// How deep objects and lists may be nested. No Kubernetes kind needs more than about 20; the
// decoders and the JSON library's copies recurse.
inline constexpr std::size_t kMaxDepth = 200;

// Puts a tree together from the events of a JSON or YAML parser, and holds the rules that both
// share: no key twice in one object, no more than kMaxDepth levels. The events must be balanced.
// Each function but take() throws SyntaxError, without a line: the parser knows that.
class TreeBuilder {
 public:
  void beginObject() { begin(Json::value_t::object); }
  void beginList() { begin(Json::value_t::array); }
  void end() { open_.pop_back(); }
  // The key of the next value; the innermost open value is an object. Gives the key where it is
  // kept.
  const std::string& key(std::string name);
  // A scalar, or a whole tree of `depth` levels. The reference is valid until the next event.
  Json& value(Json value, std::size_t depth = 0);

  [[nodiscard]] Json& innermost() { return *open_.back(); }
  // The finished tree; null when there were no events.
  Json take() { return std::move(root_); }

 private:
  void begin(Json::value_t type);

  Json root_;
  std::vector<Json*> open_;  // each is the last value in the one before, so none moves
  Json* slot_ = nullptr;     // of the last key
};

}  // namespace kpol::kube
