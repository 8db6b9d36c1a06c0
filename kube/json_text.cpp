// SPDX-License-Identifier: Apache-2.0
#include "kube/json_text.hpp"

#include "kube/field.hpp"
#include "kube/prune.hpp"
#include "kube/syntax_error.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace kpol::kube {
namespace {

// An iterator that stores its position in its owner. The parser works on a copy of the iterator,
// and the position where it stopped is the start of the next value or the place of the error.
class SharedPosition {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  explicit SharedPosition(const char** position) : position_(position) {}
  reference operator*() const { return **position_; }
  SharedPosition& operator++() {
    ++*position_;
    return *this;
  }
  SharedPosition operator++(int) {
    ++*position_;
    return *this;
  }
  bool operator==(const SharedPosition& other) const { return *position_ == *other.position_; }
  bool operator!=(const SharedPosition& other) const { return !(*this == other); }

 private:
  const char** position_;
};

// nlohmann's SAX interface (its method names) over a TreeBuilder.
class JsonEvents {
 public:
  explicit JsonEvents(TreeBuilder& builder) : builder_(builder) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) { return put(value); }
  bool string(std::string& value) { return put(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) {
    if (begin()) builder_.beginObject();
    return true;
  }
  bool key(std::string& name) {
    if (skipDepth_ > 0) return true;
    skipNext_ = isUnused(owners_.back(), name);
    if (!skipNext_) key_ = builder_.key(std::move(name));
    return true;
  }
  bool end_object() { return end(); }
  bool start_array(std::size_t /*size*/) {
    if (begin()) builder_.beginList();
    return true;
  }
  bool end_array() { return end(); }
  bool parse_error(std::size_t /*position*/, const std::string& lastToken,
                   const Json::exception& error) {
    // "[...] parse error at line 1, column 5: syntax error while parsing value - invalid literal;
    // last read: '...'". Remove the position, because JsonText knows the line in the file, and the
    // end, because it may be long.
    std::string_view why = error.what();
    if (const auto at = why.find(": "); at != why.npos) why.remove_prefix(at + 2);
    why = why.substr(0, why.find("; "));
    throw SyntaxError("not JSON: " + std::string(why) + ", at " + inQuotes(lastToken));
  }

 private:
  template <typename Value>
  bool put(Value&& value) {
    if (skipDepth_ > 0) return true;
    if (!skipNext_) builder_.value(Json(std::forward<Value>(value)));
    skipNext_ = false;
    key_ = {};
    return true;
  }
  // Returns false if the new object or list is skipped.
  bool begin() {
    if (skipDepth_ > 0 || skipNext_) {
      ++skipDepth_;
      skipNext_ = false;
      return false;
    }
    // Objects in a list belong to the list's key.
    const bool inList = !owners_.empty() && key_.empty();
    owners_.push_back(inList ? owners_.back() : key_);
    key_ = {};
    return true;
  }
  bool end() {
    if (skipDepth_ > 0) {
      --skipDepth_;
    } else {
      owners_.pop_back();
      builder_.end();
    }
    return true;
  }

  TreeBuilder& builder_;
  std::vector<std::string_view> owners_;  // the key of each open value
  std::string_view key_;                  // of the next value, if it has one
  std::size_t skipDepth_ = 0;             // number of open values that are skipped
  bool skipNext_ = false;
};

}  // namespace

bool JsonText::atEnd() {
  const char* end = text_.data() + text_.size();
  at_ = std::find_if_not(at_, end,
                         [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return at_ == end;
}

std::size_t JsonText::line() const {
  return firstLine_ + static_cast<std::size_t>(std::count(text_.data(), at_, '\n'));
}

Json JsonText::next() {
  TreeBuilder builder;
  JsonEvents events(builder);
  const char* end = text_.data() + text_.size();
  try {
    Json::sax_parse(SharedPosition(&at_), SharedPosition(&end), &events, Json::input_format_t::json,
                    false);
  } catch (const SyntaxError& error) {
    throw SyntaxError(line(), error.what());
  }
  return builder.take();
}

}  // namespace kpol::kube
