// SPDX-License-Identifier: Apache-2.0
#include "kube/object.hpp"

namespace kpol::kube {
namespace {

struct Identify {
  ObjectId operator()(const policy::Namespace& object) const {
    return {Kind::Namespace, {{}, object.name}};
  }
  ObjectId operator()(const policy::Node& object) const { return {Kind::Node, {{}, object.name}}; }
  ObjectId operator()(const policy::Pod& object) const { return {Kind::Pod, object.key}; }
  ObjectId operator()(const policy::NetworkPolicy& object) const {
    return {Kind::NetworkPolicy, object.key};
  }
};

}  // namespace

std::string_view toString(Kind kind) {
  switch (kind) {
    case Kind::Namespace: return "Namespace";
    case Kind::Node: return "Node";
    case Kind::Pod: return "Pod";
    case Kind::NetworkPolicy: return "NetworkPolicy";
  }
  return "";
}

ObjectId idOf(const Object& object) {
  return std::visit(Identify{}, object);
}

std::string toString(const ObjectId& id) {
  std::string text(toString(id.kind));
  text += ' ';
  return text + (id.key.ns.empty() ? id.key.name : base::toString(id.key));
}

}  // namespace kpol::kube
