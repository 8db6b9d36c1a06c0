// SPDX-License-Identifier: Apache-2.0
#include "kube/json_splitter.hpp"

#include "kube/syntax_error.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

constexpr std::size_t kLongestKey = 256;

bool isJsonBlank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

bool endsScalar(char c) {
  return isJsonBlank(c) || c == ',' || c == ']' || c == '}';
}

[[noreturn]] void unexpected(char c) {
  const auto byte = static_cast<unsigned char>(c);
  const bool printable = byte > 0x20 && byte < 0x7f;
  throw SyntaxError("not JSON: " + (printable ? "an unexpected " + std::string(1, c)
                                              : "an unexpected byte " + std::to_string(byte)));
}

}  // namespace

bool JsonSplitter::atEnd() const {
  return place_ == (shape_ == Shape::Sequence ? Place::Start : Place::Done);
}

bool JsonSplitter::next(std::string_view bytes, std::size_t& at, Piece& piece) {
  if (place_ == Place::InValue) begin_ = at;  // the value continues in these bytes
  if (!kept_.empty() && place_ != Place::InValue && place_ != Place::InKey) kept_.clear();
  while (at < bytes.size()) {
    if (!step(bytes, at)) continue;
    const auto text = bytes.substr(begin_, at - begin_);
    if (kept_.empty()) {
      piece.text = text;
    } else {
      keep(text);
      piece.text = kept_;
    }
    piece.member = inItems_ ? std::string_view("items") : std::string_view(member_);
    endValue();
    return true;
  }
  if (place_ == Place::InValue) keep(bytes.substr(begin_));
  return false;
}

void JsonSplitter::keep(std::string_view bytes) {
  if (kept_.size() + bytes.size() > limit_) {
    throw SyntaxError("a value has more than " + std::to_string(limit_) + " bytes");
  }
  kept_ += bytes;
}

// Consumes one byte, or several bytes inside a value. Returns true if a value ended before `at`.
bool JsonSplitter::step(std::string_view bytes, std::size_t& at) {
  if (place_ == Place::InValue) return scanValue(bytes, at);
  if (place_ == Place::InKey) return scanKey(bytes, at);
  const char c = bytes[at];
  if (isJsonBlank(c)) {
    ++at;
    return false;
  }
  const bool opensValue = place_ == Place::MemberValue || place_ == Place::Item ||
                          place_ == Place::NextItem ||
                          (place_ == Place::Start && shape_ == Shape::Sequence);
  if (opensValue) {
    beginValue(c, at);
  } else {
    begin(c);
  }
  ++at;
  return false;
}

// Handles a byte between values; its meaning depends only on place_.
void JsonSplitter::begin(char c) {
  if (place_ == Place::Start && c == '{') {
    place_ = Place::KeyOrEnd;
  } else if ((place_ == Place::KeyOrEnd || place_ == Place::Key) && c == '"') {
    place_ = Place::InKey;
    member_.clear();
  } else if (place_ == Place::Colon && c == ':') {
    place_ = Place::MemberValue;
  } else if (place_ == Place::AfterItem && c == ',') {
    place_ = Place::NextItem;
  } else if (place_ == Place::AfterItem && c == ']') {
    inItems_ = false;
    place_ = Place::AfterMember;
  } else if (place_ == Place::AfterMember && c == ',') {
    place_ = Place::Key;
  } else if ((place_ == Place::AfterMember || place_ == Place::KeyOrEnd) && c == '}') {
    place_ = Place::Done;
  } else {
    unexpected(c);
  }
}

void JsonSplitter::beginValue(char c, std::size_t at) {
  if (place_ == Place::Item && c == ']') {
    inItems_ = false;
    place_ = Place::AfterMember;
    return;
  }
  if (place_ == Place::MemberValue && c == '[' && member_ == "items") {
    inItems_ = true;
    place_ = Place::Item;
    return;
  }
  if (c == ',' || c == ':' || c == ']' || c == '}') unexpected(c);
  place_ = Place::InValue;
  begin_ = at;
  inString_ = c == '"';
  depth_ = c == '{' || c == '[' ? 1 : 0;
  scalar_ = !inString_ && depth_ == 0;
  // The values of a watch are objects. A scalar there would have no detectable end.
  if (scalar_ && shape_ == Shape::Sequence) unexpected(c);
}

bool JsonSplitter::scanKey(std::string_view bytes, std::size_t& at) {
  const auto quote = bytes.find('"', at);
  const auto part = bytes.substr(at, quote - at);
  // Escapes are not decoded: no member of a list that is used needs one.
  if (part.find('\\') != part.npos || member_.size() + part.size() > kLongestKey) unexpected('\\');
  member_ += part;
  at += part.size();
  if (quote == bytes.npos) return false;
  ++at;
  place_ = Place::Colon;
  return false;
}

bool JsonSplitter::scanValue(std::string_view bytes, std::size_t& at) {
  if (!scalar_) return scanNested(bytes, at);
  while (at < bytes.size()) {
    if (endsScalar(bytes[at])) return true;
    ++at;
  }
  return false;
}

// Scans inside a string to its end, a backslash, or the end of the bytes. Returns the position
// after it.
std::size_t JsonSplitter::scanString(std::string_view bytes, std::size_t at) {
  if (escaped_) {
    escaped_ = false;
    return at + 1;
  }
  const std::size_t quote = std::min(bytes.find('"', at), bytes.size());
  const std::size_t backslash = bytes.substr(0, quote).find('\\', at);
  if (backslash != bytes.npos) {
    escaped_ = true;
    return backslash + 1;
  }
  if (quote == bytes.size()) return quote;
  inString_ = false;
  return quote + 1;
}

// Counts brackets outside of strings.
bool JsonSplitter::scanNested(std::string_view bytes, std::size_t& at) {
  const char* const data = bytes.data();
  const std::size_t size = bytes.size();
  std::size_t i = at;
  while (i < size) {
    if (inString_) {
      i = scanString(bytes, i);
      if (!inString_ && depth_ == 0) break;
      continue;
    }
    const char c = data[i++];
    if (c == '"') {
      inString_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if ((c == '}' || c == ']') && --depth_ == 0) {
      break;
    }
  }
  at = i;
  return depth_ == 0 && !inString_;
}

void JsonSplitter::endValue() {
  depth_ = 0;
  if (shape_ == Shape::Sequence) {
    place_ = Place::Start;
  } else {
    place_ = inItems_ ? Place::AfterItem : Place::AfterMember;
  }
}

}  // namespace kpol::kube
