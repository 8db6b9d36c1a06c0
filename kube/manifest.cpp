// SPDX-License-Identifier: Apache-2.0
#include "kube/manifest.hpp"

#include "kube/decode_kinds.hpp"
#include "kube/documents.hpp"
#include "kube/syntax_error.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace kpol::kube {
namespace {

using Severity = policy::Diagnostic::Severity;

constexpr std::string_view kListSuffix = "List";

struct KnownKind {
  Kind kind;
  std::string_view apiVersion;
};
constexpr std::array<KnownKind, 4> kKnownKinds = {{{Kind::Namespace, "v1"},
                                                   {Kind::Node, "v1"},
                                                   {Kind::Pod, "v1"},
                                                   {Kind::NetworkPolicy, "networking.k8s.io/v1"}}};

// The type that an object states.
struct TypeMeta {
  std::string apiVersion;
  std::string kind;
};

// Reads one text, and keeps the state that its documents share.
class ManifestReader {
 public:
  ManifestReader(std::string_view fileName, Manifests& result)
      : fileName_(fileName), result_(result) {}

  void readText(std::string_view text);

 private:
  // `where` is the place of the tree: "document 3" or "document 3: items[7]".
  void readTree(const Json& tree, const std::string& where, const TypeMeta& inherited);
  void readList(const Field& items, const std::string& where, const TypeMeta& list);
  void readObject(const Json& tree, const std::string& where, const TypeMeta& type);
  void add(Object object, const std::string& where);
  void report(policy::Diagnostic diagnostic, const std::string& where);
  void fail(const std::string& where, std::string message) {
    report({Severity::Error, {}, {}, std::move(message)}, where);
  }

  std::string_view fileName_;
  Manifests& result_;
  std::map<ObjectId, std::string> places_;  // where each object was defined
};

void ManifestReader::report(policy::Diagnostic diagnostic, const std::string& where) {
  diagnostic.message =
      std::string(fileName_) + ": " + (where.empty() ? "" : where + ": ") + diagnostic.message;
  result_.diagnostics.push_back(std::move(diagnostic));
}

void ManifestReader::readText(std::string_view text) {
  try {
    checkCharacters(text);
  } catch (const SyntaxError& error) {
    return fail("", error.what());
  }
  std::size_t number = 0;
  for (const Document& document : splitDocuments(text)) {
    std::string where = "document " + std::to_string(++number);
    try {
      std::size_t values = 0;
      for (const Json& tree : parseDocument(document)) {
        if (values++ > 0) where = "document " + std::to_string(++number);
        if (!tree.is_null()) readTree(tree, where, {});
      }
    } catch (const SyntaxError& error) {
      fail(where, error.what());
    }
  }
}

// The apiVersion and kind of an object; `inherited` replaces missing ones.
TypeMeta typeOf(const Field& root, const TypeMeta& inherited) {
  const auto read = [&root](std::string_view name, const std::string& fallback) {
    const Field field = root[name];
    if (field.blank() && !fallback.empty()) return fallback;
    return std::string(field.required() ? field.text().value_or("") : "");
  };
  return {read("apiVersion", inherited.apiVersion), read("kind", inherited.kind)};
}

void ManifestReader::readTree(const Json& tree, const std::string& where,
                              const TypeMeta& inherited) {
  Report faults{Origin::Manifest, {}, 0};
  const Field root(tree, faults);
  TypeMeta type;
  if (root.object()) type = typeOf(root, inherited);
  const Field items = root["items"];
  const bool isList = items.present() && type.kind.ends_with(kListSuffix);
  if (faults.errors == 0) {
    if (!isList) return readObject(tree, where, type);
    readList(items, where, type);
  }
  for (auto& fault : faults.diagnostics) report(std::move(fault), where);
}

void ManifestReader::readList(const Field& items, const std::string& where, const TypeMeta& list) {
  // Items of a "PodList" are Pods even if they do not state it; items of a "List" must.
  TypeMeta inherited;
  if (list.kind != kListSuffix) {
    inherited = {list.apiVersion, list.kind.substr(0, list.kind.size() - kListSuffix.size())};
  }
  for (const Field& item : items.items()) {
    readTree(item.json(), where + ": " + item.path(), inherited);
  }
}

void ManifestReader::readObject(const Json& tree, const std::string& where, const TypeMeta& type) {
  const auto known = std::ranges::find(kKnownKinds, type.kind,
                                       [](const KnownKind& entry) { return toString(entry.kind); });
  const std::string found = type.kind + " of " + type.apiVersion;
  if (known == kKnownKinds.end()) {
    const std::string message = inQuotes(found) + " is not used by kpol and is ignored";
    return report({Severity::Warning, {}, "kind", message}, where);
  }
  if (known->apiVersion != type.apiVersion) {
    const std::string message = "must be " + std::string(known->apiVersion) + " for a " +
                                type.kind + ", found " + inQuotes(type.apiVersion);
    return report({Severity::Error, {}, "apiVersion", message}, where);
  }
  DecodeResult result = decodeTree(known->kind, tree, Origin::Manifest);
  for (auto& diagnostic : result.diagnostics) report(std::move(diagnostic), where);
  if (result.object) add(std::move(*result.object), where);
}

// kubectl would apply both, and the last one would win; one of the two authors would not expect
// that.
void ManifestReader::add(Object object, const std::string& where) {
  const ObjectId id = idOf(object);
  const auto [it, added] = places_.try_emplace(id, where);
  if (!added) {
    return report({Severity::Error, toString(id), {}, "is also defined in " + it->second}, where);
  }
  result_.objects.push_back(std::move(object));
}

}  // namespace

bool Manifests::broken() const {
  return std::ranges::any_of(diagnostics, [](const policy::Diagnostic& diagnostic) {
    return diagnostic.severity == Severity::Error;
  });
}

Manifests readManifests(std::string_view text, std::string_view fileName) {
  Manifests result;
  ManifestReader(fileName, result).readText(text);
  return result;
}

}  // namespace kpol::kube
