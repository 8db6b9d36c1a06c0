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

// The errors and warnings of one object. The diagnostics contain the field, but not yet the object.
struct Report {
  Origin origin = Origin::Manifest;
  std::vector<policy::Diagnostic> diagnostics;
  std::size_t errors = 0;  // number of diagnostics that are errors
};

// One value in an object, absent or present, with its path: each error is reported under the
// field's path, and decoding continues. As in encoding/json, null counts as absent. A Field points
// to its parent Field, which must outlive it; hence the deleted overloads.
class Field {
 public:
  Field(const Json& root, Report& report) : value_(&root), report_(&report) {}

  // The member `name`; absent if this field is absent or not an object.
  [[nodiscard]] Field operator[](std::string_view name) const&;
  Field operator[](std::string_view name) const&& = delete;

  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] bool isText() const { return present() && value_->is_string(); }
  [[nodiscard]] bool blank() const;  // absent or the empty string
  // Returns false and reports an error if the field is blank.
  [[nodiscard]] bool required() const;

  // These return nullopt if the field is absent, or has another type (which is reported).
  [[nodiscard]] std::optional<std::string_view> text() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  // Returns true for an object, false if the field is absent or not an object (which is reported).
  [[nodiscard]] bool object() const;

  // The items of a list. A null item is reported and left out: the API server reads it as an empty
  // object ("ingress: [null]" would allow everything), but a forgotten line is more likely.
  [[nodiscard]] std::vector<Field> items() const&;
  std::vector<Field> items() const&& = delete;
  // The values of an object used as a map; key() is the key of each.
  [[nodiscard]] std::vector<Field> entries() const&;
  std::vector<Field> entries() const&& = delete;
  [[nodiscard]] std::string_view key() const { return name_; }

  // Reports an error that makes this field unusable.
  void fail(std::string message) const;
  // Reports a value that the API server would reject, but that can be used: an error in a manifest,
  // a warning in an object from the API server.
  void refuse(std::string message) const;
  void check(Flaw flaw) const;  // refuse()s a flaw, adding the text found
  void warn(std::string message) const;
  // Warns about every member of this object that is not in `names`.
  void warnUnknown(std::initializer_list<std::string_view> names) const;
  // Reports every member of this object that is not in `names` as an error.
  void failUnknown(std::initializer_list<std::string_view> names) const;

  [[nodiscard]] const Report& report() const { return *report_; }
  [[nodiscard]] std::string path() const;                     // "spec.ingress[0].ports[1].port"
  [[nodiscard]] const Json& json() const { return *value_; }  // must be present
  [[nodiscard]] std::string found() const;  // "\"x\"", "the number 8", "a list", ...

 private:
  enum class Step : unsigned char { Root, Member, Item, Entry };
  Field(const Field& parent, const Json* value, Step step)
      : parent_(&parent), value_(value), report_(parent.report_), step_(step) {}
  void report(policy::Diagnostic::Severity severity, std::string message) const;
  [[nodiscard]] std::vector<Field> unknown(std::initializer_list<std::string_view> names) const;

  const Field* parent_ = nullptr;
  const Json* value_ = nullptr;
  Report* report_ = nullptr;
  std::string_view name_;  // of a member or entry; owned by the document or decoder
  std::size_t index_ = 0;  // of an item
  Step step_ = Step::Root;
};

// Returns `text` in double quotes for a log line: escapes control characters and cuts long text.
std::string inQuotes(std::string_view text);

}  // namespace kpol::kube
