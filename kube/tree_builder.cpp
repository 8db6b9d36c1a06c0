// SPDX-License-Identifier: Apache-2.0
#include "kube/tree_builder.hpp"

#include "kube/field.hpp"
#include "kube/syntax_error.hpp"

namespace kpol::kube {

const std::string& TreeBuilder::key(std::string name) {
  auto& members = innermost().get_ref<Json::object_t&>();
  const auto [it, added] = members.try_emplace(std::move(name));
  if (!added) throw SyntaxError("the key " + inQuotes(it->first) + " is duplicated");
  slot_ = &it->second;
  return it->first;
}

Json& TreeBuilder::value(Json value, std::size_t depth) {
  if (open_.size() + depth > kMaxDepth) {
    throw SyntaxError("nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  if (open_.empty()) return root_ = std::move(value);
  Json& parent = innermost();
  if (!parent.is_array()) return *slot_ = std::move(value);
  parent.push_back(std::move(value));
  return parent.back();
}

void TreeBuilder::begin(Json::value_t type) {
  open_.push_back(&value(Json(type), 1));
}

}  // namespace kpol::kube
