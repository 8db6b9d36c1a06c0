// SPDX-License-Identifier: Apache-2.0
#include "kube/decode.hpp"

#include "kube/decode_kinds.hpp"
#include "kube/json_text.hpp"
#include "kube/syntax_error.hpp"

namespace kpol::kube {
namespace {

Object decodeKind(Kind kind, const Field& root) {
  switch (kind) {
    case Kind::Namespace: return decodeNamespace(root);
    case Kind::Node: return decodeNode(root);
    case Kind::Pod: return decodePod(root);
    case Kind::NetworkPolicy: return decodeNetworkPolicy(root);
  }
  base::expects(false, "kind is one of Kind's enumerators");
  return {};
}

DecodeResult unreadable(std::string message) {
  return {std::nullopt, {{policy::Diagnostic::Severity::Error, {}, {}, std::move(message)}}};
}

}  // namespace

DecodeResult decodeTree(Kind kind, const Json& tree, Origin origin) {
  Report report{origin, {}, 0};
  const Field root(tree, report);
  if (!root.present()) {
    root.fail("must be an object, found null");
  } else if (root.object()) {
    Object object = decodeKind(kind, root);
    const ObjectId id = idOf(object);
    if (!id.key.name.empty()) {
      for (auto& diagnostic : report.diagnostics) diagnostic.object = toString(id);
      const bool usable = report.errors == 0 || origin == Origin::ApiServer;
      if (usable) return {std::move(object), std::move(report.diagnostics)};
    }
  }
  return {std::nullopt, std::move(report.diagnostics)};
}

DecodeResult decodeObject(Kind kind, std::string_view json, Origin origin) {
  try {
    JsonText text(json);
    if (text.atEnd()) return unreadable("no JSON value");
    const Json tree = text.next();
    if (!text.atEnd()) return unreadable("more text after the JSON value");
    return decodeTree(kind, tree, origin);
  } catch (const SyntaxError& error) {
    return unreadable(error.what());
  }
}

}  // namespace kpol::kube
