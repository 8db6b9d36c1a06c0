// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kpol::kube {

// Splits JSON into the values to decode while its bytes arrive in parts of any size. A text of any
// length needs no more memory than its largest value. It only finds where values end; the decoder
// checks that they are valid JSON.
class JsonSplitter {
 public:
  enum class Shape : unsigned char {
    Sequence,  // values one after the other, as in a watch
    List,      // one object, whose member "items" is split
  };
  struct Piece {
    std::string_view member;  // of a List: "items" for an item, else the member's name
    std::string_view text;    // the value; valid until the next call
  };

  // A value of more than `limit` bytes that spans several calls is an error: no object in a cluster
  // is as large, and a value without an end must not fill the memory.
  explicit JsonSplitter(Shape shape, std::size_t limit = kLimit) : shape_(shape), limit_(limit) {}

  // Reads `bytes` from `at` on and advances `at`. Returns true with the next piece, false if all
  // bytes were used. Throws SyntaxError; the splitter must not be used after that.
  bool next(std::string_view bytes, std::size_t& at, Piece& piece);

  // Whether the input may end here: between two values of a Sequence, or after the end of a List.
  [[nodiscard]] bool atEnd() const;

  static constexpr std::size_t kLimit = std::size_t{16} << 20U;

 private:
  enum class Place : unsigned char {
    Start,     // before the List, or between the values of a Sequence
    KeyOrEnd,  // after the List's '{'
    Key,       // after a comma
    Colon,
    MemberValue,  // before a member's value
    Item,         // before an item, or "]"
    NextItem,     // after a comma
    AfterItem,
    AfterMember,
    InKey,
    InValue,
    Done,
  };

  bool step(std::string_view bytes, std::size_t& at);
  void begin(char c);
  void beginValue(char c, std::size_t at);
  bool scanKey(std::string_view bytes, std::size_t& at);
  bool scanValue(std::string_view bytes, std::size_t& at);
  std::size_t scanString(std::string_view bytes, std::size_t at);
  bool scanNested(std::string_view bytes, std::size_t& at);
  void keep(std::string_view bytes);
  void endValue();

  Shape shape_;
  std::size_t limit_;
  Place place_ = Place::Start;
  std::size_t depth_ = 0;  // open objects and lists of the value
  bool scalar_ = false;    // a number or a word, which ends before a delimiter
  bool inString_ = false;
  bool escaped_ = false;  // the last byte of the string was a backslash
  bool inItems_ = false;
  std::size_t begin_ = 0;  // of the value, in the current bytes
  std::string kept_;       // bytes of the value from earlier calls
  std::string member_;
};

}  // namespace kpol::kube
