// SPDX-License-Identifier: Apache-2.0
#include "kube/decode_meta.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

using Operator = policy::LabelRequirement::Operator;

// A map of label keys to values. A null value is the empty string, as in encoding/json.
policy::Labels decodeLabels(const Field& field) {
  std::vector<std::pair<std::string, std::string>> labels;
  const auto entries = field.entries();
  labels.reserve(entries.size());
  for (const Field& entry : entries) {
    if (const Flaw flaw = qualifiedNameFlaw(entry.key())) {
      entry.refuse(std::string(*flaw) + ", found the key " + inQuotes(entry.key()));
    }
    const auto value = entry.text();
    if (value) entry.check(labelValueFlaw(*value));
    labels.emplace_back(entry.key(), value.value_or(""));
  }
  return policy::Labels(std::move(labels));
}

// The labels of an object. Each of them costs every node memory and work, so there is a limit.
policy::Labels decodeObjectLabels(const Field& field) {
  auto labels = decodeLabels(field);
  std::size_t bytes = 0;
  for (const auto& [key, value] : labels.entries()) bytes += key.size() + value.size();
  if (bytes <= kMostLabelBytes) return labels;
  field.fail("must have at most " + std::to_string(kMostLabelBytes) +
             " bytes of keys and values, found " + std::to_string(bytes));
  return {};
}

std::optional<Operator> parseOperator(std::string_view text) {
  if (text == "In") return Operator::In;
  if (text == "NotIn") return Operator::NotIn;
  if (text == "Exists") return Operator::Exists;
  if (text == "DoesNotExist") return Operator::DoesNotExist;
  return std::nullopt;
}

std::vector<std::string> decodeValues(const Field& field) {
  std::vector<std::string> values;
  for (const Field& item : field.items()) {
    if (const auto value = item.text()) {
      item.check(labelValueFlaw(*value));
      values.emplace_back(*value);
    }
  }
  std::ranges::sort(values);
  const auto duplicates = std::ranges::unique(values);
  values.erase(duplicates.begin(), duplicates.end());
  return values;
}

void reportUnknown(const Field& field, Unknown unknown,
                   std::initializer_list<std::string_view> names) {
  unknown == Unknown::Error ? field.failUnknown(names) : field.warnUnknown(names);
}

// apimachinery pkg/apis/meta/v1/validation ValidateLabelSelectorRequirement.
policy::LabelRequirement decodeRequirement(const Field& field, Unknown unknown) {
  policy::LabelRequirement requirement;
  if (!field.object()) return requirement;
  reportUnknown(field, unknown, {"key", "operator", "values"});
  const Field key = field["key"];
  if (key.required()) {
    const auto name = key.text();
    if (name) key.check(qualifiedNameFlaw(*name));
    requirement.key = name.value_or("");
  }
  const Field values = field["values"];
  requirement.values = decodeValues(values);
  const Field op = field["operator"];
  const auto text = op.required() ? op.text() : std::nullopt;
  if (!text) return requirement;
  const auto parsed = parseOperator(*text);
  if (!parsed) {
    op.fail("must be In, NotIn, Exists or DoesNotExist, found " + op.found());
    return requirement;
  }
  requirement.op = *parsed;
  const bool takesValues = *parsed == Operator::In || *parsed == Operator::NotIn;
  if (takesValues && requirement.values.empty()) {
    values.fail("must have at least one value with operator " + std::string(*text));
  }
  if (!takesValues && !requirement.values.empty()) {
    values.fail("must be empty with operator " + std::string(*text));
  }
  return requirement;
}

void checkName(const Field& field, std::string_view name, bool dnsLabel) {
  field.check(dnsLabel ? dnsLabelFlaw(name) : dnsSubdomainFlaw(name));
}

std::string decodeNamespace(const Field& field, bool namespaced) {
  std::string ns(field.text().value_or(""));
  if (!namespaced) {
    if (!ns.empty()) field.refuse("must not be set on a cluster-scoped kind");
    return {};
  }
  if (ns.empty()) return "default";
  checkName(field, ns, true);
  return ns;
}

}  // namespace

ObjectMeta decodeMeta(const Field& root, Kind kind) {
  const bool namespaced = kind == Kind::Pod || kind == Kind::NetworkPolicy;
  ObjectMeta meta;
  const Field metadata = root["metadata"];
  static_cast<void>(metadata.object());
  const Field ns = metadata["namespace"];
  meta.key.ns = decodeNamespace(ns, namespaced);
  const Field name = metadata["name"];
  if (name.blank()) name.fail("is required in a " + std::string(toString(kind)));
  meta.key.name = name.text().value_or("");
  if (!meta.key.name.empty()) checkName(name, meta.key.name, kind == Kind::Namespace);
  const Field uid = metadata["uid"];
  meta.uid = uid.text().value_or("");
  const Field labels = metadata["labels"];
  meta.labels = decodeObjectLabels(labels);
  return meta;
}

policy::LabelSelector decodeSelector(const Field& field, Unknown unknown) {
  policy::LabelSelector selector;
  if (!field.object()) return selector;
  reportUnknown(field, unknown, {"matchLabels", "matchExpressions"});
  const Field matchLabels = field["matchLabels"];
  selector.matchLabels = decodeLabels(matchLabels);
  const Field matchExpressions = field["matchExpressions"];
  for (const Field& item : matchExpressions.items()) {
    selector.matchExpressions.push_back(decodeRequirement(item, unknown));
  }
  return selector;
}

}  // namespace kpol::kube
