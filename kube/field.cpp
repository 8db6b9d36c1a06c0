// SPDX-License-Identifier: Apache-2.0
#include "kube/field.hpp"

#include <algorithm>
#include <limits>

namespace kpol::kube {
namespace {

using Severity = policy::Diagnostic::Severity;

constexpr std::size_t kMaxQuoted = 80;

// The message of a type error. `hint` names its usual cause: YAML does not read unquoted true, yes
// or 80 as a string.
std::string expected(std::string_view what, const Field& field, std::string_view hint = {}) {
  return "must be " + std::string(what) + ", found " + field.found() + std::string(hint);
}

// Returns `text` for a log line: escapes control characters and cuts long text.
std::string escaped(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const bool cut = text.size() > kMaxQuoted;
  text = text.substr(0, kMaxQuoted);
  // A cut inside a UTF-8 sequence would make the whole line invalid.
  while (cut && !text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0) {
    text.remove_suffix(1);
  }
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      result += c;
    } else {
      result += "\\x";
      result += kHex[byte >> 4U];
      result += kHex[byte & 0xfU];
    }
  }
  return cut ? result + "..." : result;
}

}  // namespace

std::string inQuotes(std::string_view text) {
  return '"' + escaped(text) + '"';
}

Field Field::operator[](std::string_view name) const& {
  const Json* value = nullptr;
  if (present() && value_->is_object()) {
    const auto& members = value_->get_ref<const Json::object_t&>();
    if (const auto it = members.find(name); it != members.end()) value = &it->second;
  }
  Field field(*this, value, Step::Member);
  field.name_ = name;
  return field;
}

bool Field::blank() const {
  return !present() || (isText() && value_->get_ref<const std::string&>().empty());
}

bool Field::required() const {
  if (!blank()) return true;
  fail("is required");
  return false;
}

std::optional<std::string_view> Field::text() const {
  if (!present()) return std::nullopt;
  if (value_->is_string()) return value_->get_ref<const std::string&>();
  const bool quotable = value_->is_number() || value_->is_boolean();
  fail(expected("a string", *this, quotable ? " (quote it)" : ""));
  return std::nullopt;
}

std::optional<std::int64_t> Field::integer() const {
  if (!present()) return std::nullopt;
  const bool fits =
      value_->is_number_integer() &&
      (!value_->is_number_unsigned() ||
       value_->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  if (fits) return value_->get<std::int64_t>();
  fail(expected("an integer", *this));
  return std::nullopt;
}

std::optional<bool> Field::boolean() const {
  if (!present()) return std::nullopt;
  if (value_->is_boolean()) return value_->get<bool>();
  fail(expected("true or false", *this));
  return std::nullopt;
}

bool Field::object() const {
  if (!present()) return false;
  if (value_->is_object()) return true;
  fail(expected("an object", *this));
  return false;
}

std::vector<Field> Field::items() const& {
  std::vector<Field> result;
  if (!present()) return result;
  if (!value_->is_array()) {
    fail(expected("a list", *this));
    return result;
  }
  result.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) {
    Field item(*this, &(*value_)[i], Step::Item);
    item.index_ = i;
    if (item.present()) {
      result.push_back(item);
    } else {
      item.fail("must not be null");
    }
  }
  return result;
}

std::vector<Field> Field::entries() const& {
  std::vector<Field> result;
  if (!object()) return result;
  result.reserve(value_->size());
  for (const auto& [name, value] : value_->get_ref<const Json::object_t&>()) {
    Field entry(*this, &value, Step::Entry);
    entry.name_ = name;
    result.push_back(entry);
  }
  return result;
}

void Field::report(Severity severity, std::string message) const {
  if (severity == Severity::Error) ++report_->errors;
  report_->diagnostics.push_back({severity, {}, path(), std::move(message)});
}

void Field::fail(std::string message) const {
  report(Severity::Error, std::move(message));
}

void Field::warn(std::string message) const {
  report(Severity::Warning, std::move(message));
}

void Field::refuse(std::string message) const {
  const bool lenient = report_->origin == Origin::ApiServer;
  report(lenient ? Severity::Warning : Severity::Error, std::move(message));
}

void Field::check(Flaw flaw) const {
  if (flaw) refuse(std::string(*flaw) + ", found " + found());
}

std::vector<Field> Field::unknown(std::initializer_list<std::string_view> names) const {
  std::vector<Field> result;
  if (!present() || !value_->is_object()) return result;
  for (const auto& [name, value] : value_->get_ref<const Json::object_t&>()) {
    if (std::ranges::find(names, name) == names.end()) result.push_back((*this)[name]);
  }
  return result;
}

void Field::warnUnknown(std::initializer_list<std::string_view> names) const {
  for (const Field& field : unknown(names)) field.warn("is not a known field and is ignored");
}

void Field::failUnknown(std::initializer_list<std::string_view> names) const {
  for (const Field& field : unknown(names))
    field.fail("is not a known field, and a rule that contains one matches nothing");
}

std::string Field::path() const {
  std::vector<const Field*> steps;
  for (const Field* at = this; at->step_ != Step::Root; at = at->parent_) steps.push_back(at);
  std::string result;
  for (auto it = steps.rbegin(); it != steps.rend(); ++it) {
    const Field& at = **it;
    if (at.step_ == Step::Member) {
      if (!result.empty()) result += '.';
      result += escaped(at.name_);
    } else {
      result += '[';
      result += at.step_ == Step::Item ? std::to_string(at.index_) : escaped(at.name_);
      result += ']';
    }
  }
  return result;
}

std::string Field::found() const {
  if (!present()) return "null";
  if (value_->is_string()) return inQuotes(value_->get_ref<const std::string&>());
  if (value_->is_array()) return "a list";
  if (value_->is_object()) return "an object";
  return value_->is_boolean() ? value_->dump() : "the number " + value_->dump();
}

}  // namespace kpol::kube
