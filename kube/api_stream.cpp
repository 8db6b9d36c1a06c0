// SPDX-License-Identifier: Apache-2.0
#include "kube/api_stream.hpp"

#include "kube/decode_kinds.hpp"
#include "kube/json_text.hpp"
#include "kube/prune.hpp"
#include "kube/syntax_error.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

using Severity = policy::Diagnostic::Severity;

Json parse(std::string_view text) {
  const std::string needed = pruned(text);
  return JsonText(needed).next();
}

// The member `name` of `tree`, or null if there is none or `tree` is not an object.
const Json* member(const Json* tree, std::string_view name) {
  if (tree == nullptr || !tree->is_object()) return nullptr;
  const auto found = tree->find(name);
  return found == tree->end() ? nullptr : &*found;
}

std::string textOf(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string resourceVersionOf(const Json& object) {
  return textOf(member(member(&object, "metadata"), "resourceVersion"));
}

bool labelsInDoubt(const std::vector<policy::Diagnostic>& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const policy::Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::Error &&
           (diagnostic.field == "metadata" || diagnostic.field.starts_with("metadata.labels"));
  });
}

ApiObject decodeItem(Kind kind, const Json& tree, WatchEvent::Type type) {
  DecodeResult decoded = decodeTree(kind, tree, Origin::ApiServer);
  if (!decoded.object) {
    const std::string why =
        decoded.diagnostics.empty() ? "" : ": " + policy::toString(decoded.diagnostics.front());
    throw SyntaxError("a " + std::string(toString(kind)) + " without a valid name" + why);
  }
  ApiObject item{type, idOf(*decoded.object), std::move(decoded.object),
                 std::move(decoded.diagnostics), resourceVersionOf(tree)};
  const bool carriesLabels = kind == Kind::Pod || kind == Kind::Namespace;
  if (carriesLabels && labelsInDoubt(item.diagnostics)) item.object.reset();
  return item;
}

ApiStatus statusOf(const Json& tree) {
  ApiStatus status;
  const Json* code = member(&tree, "code");
  if (code != nullptr && code->is_number_unsigned()) status.code = code->get<unsigned>();
  status.reason = textOf(member(&tree, "reason"));
  status.message = textOf(member(&tree, "message"));
  const Json* seconds = member(member(&tree, "details"), "retryAfterSeconds");
  if (seconds != nullptr && seconds->is_number_unsigned())
    status.retryAfter = std::chrono::seconds(std::min(seconds->get<unsigned>(), 86400U));
  return status;
}

// The annotation is searched in the text, which is short for a bookmark, because the trees do not
// contain annotations.
ApiBookmark bookmarkOf(const Json& object, std::string_view text) {
  constexpr std::string_view kEnd = "\"k8s.io/initial-events-end\"";
  return {resourceVersionOf(object), text.find(kEnd) != text.npos};
}

}  // namespace

std::optional<ApiStatus> readStatus(std::string_view json) {
  try {
    const Json tree = parse(json);
    if (textOf(member(&tree, "kind")) != "Status") return std::nullopt;
    return statusOf(tree);
  } catch (const SyntaxError&) {
    return std::nullopt;
  }
}

std::optional<WatchItem> WatchBody::next(std::string_view bytes, std::size_t& at) {
  JsonSplitter::Piece piece;
  while (splitter_.next(bytes, at, piece)) {
    const Json tree = parse(piece.text);
    const std::string type = textOf(member(&tree, "type"));
    const Json* object = member(&tree, "object");
    if (object == nullptr) throw SyntaxError("a watch event without an object");
    if (type == "ADDED") return decodeItem(kind_, *object, WatchEvent::Type::Added);
    if (type == "MODIFIED") return decodeItem(kind_, *object, WatchEvent::Type::Modified);
    if (type == "DELETED") return decodeItem(kind_, *object, WatchEvent::Type::Deleted);
    if (type == "BOOKMARK") return bookmarkOf(*object, piece.text);
    if (type == "ERROR") return statusOf(*object);
    throw SyntaxError("a watch event of unknown type " + inQuotes(type));
  }
  return std::nullopt;
}

std::optional<ApiObject> ListBody::next(std::string_view bytes, std::size_t& at) {
  JsonSplitter::Piece piece;
  while (splitter_.next(bytes, at, piece)) {
    if (piece.member == "items") {
      if (piece.text == "null") continue;  // how Go writes a list without items
      return decodeItem(kind_, parse(piece.text), WatchEvent::Type::Added);
    }
    if (piece.member != "metadata") continue;
    const Json tree = parse(piece.text);
    meta_ = {textOf(member(&tree, "resourceVersion")), textOf(member(&tree, "continue"))};
  }
  return std::nullopt;
}

}  // namespace kpol::kube
