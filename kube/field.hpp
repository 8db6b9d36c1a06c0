// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/decode.hpp"
#include "kube/name_rules.hpp"
#include "policy/diagnostic.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::kube {

using Json = nlohmann::json;

// What was found wrong with one object. The diagnostics name fields, not yet the object.
struct Report {
  Origin origin = Origin::Manifest;
  std::vector<policy::Diagnostic> diagnostics;
  std::size_t errors = 0;  // how many of them are errors
};

// One value in an object, absent or present, that knows where it is: every fault is reported under
// the field's path and reading goes on. As in encoding/json, null counts as absent.
// A Field points to the Field it came from, which must outlive it; hence the deleted overloads.
class Field {
 public:
  Field(const Json& root, Report& report) : value_(&root), report_(&report) {}

  // Absent when this is absent or no object.
  [[nodiscard]] Field operator[](std::string_view name) const&;
  Field operator[](std::string_view name) const&& = delete;

  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] bool isText() const { return present() && value_->is_string(); }
  [[nodiscard]] bool blank() const;  // absent or the empty string
  // Reports a blank field.
  [[nodiscard]] bool required() const;

  // Nothing when absent; nothing and a report when it is of another type.
  [[nodiscard]] std::optional<std::string_view> text() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  // True when it is an object; a report when it is present and is none.
  [[nodiscard]] bool object() const;

  // The items of a list. A null item is reported and left out: where the API server reads it as an
  // empty object ("ingress: [null]" would allow everything) a forgotten line is more likely.
  [[nodiscard]] std::vector<Field> items() const&;
  std::vector<Field> items() const&& = delete;
  // The values of an object used as a map; key() is the map key.
  [[nodiscard]] std::vector<Field> entries() const&;
  std::vector<Field> entries() const&& = delete;
  [[nodiscard]] std::string_view key() const { return name_; }

  // What makes this field unusable.
  void fail(std::string message) const;
  // What the API server does not accept but can be taken as it stands: an error in a manifest, a
  // warning in what the API server gave.
  void refuse(std::string message) const;
  void check(Flaw flaw) const;  // refuses a flaw, adding the text found
  void warn(std::string message) const;
  // Warns of every member of this object that is not among `names`.
  void warnUnknown(std::initializer_list<std::string_view> names) const;

  [[nodiscard]] const Report& report() const { return *report_; }
  [[nodiscard]] std::string path() const;                     // "spec.ingress[0].ports[1].port"
  [[nodiscard]] const Json& json() const { return *value_; }  // when present
  [[nodiscard]] std::string found() const;                    // "the string \"x\"", "a list", ...

 private:
  enum class Step : unsigned char { Root, Member, Item, Entry };
  Field(const Field& parent, const Json* value, Step step)
      : parent_(&parent), value_(value), report_(parent.report_), step_(step) {}
  void report(policy::Diagnostic::Severity severity, std::string message) const;

  const Field* parent_ = nullptr;
  const Json* value_ = nullptr;
  Report* report_ = nullptr;
  std::string_view name_;  // of a member or entry; lives in the document or in the decoder
  std::size_t index_ = 0;  // of an item
  Step step_ = Step::Root;
};

// `text` in double quotes, fit for a log line: control characters escaped, long text cut.
std::string inQuotes(std::string_view text);

}  // namespace kpol::kube
