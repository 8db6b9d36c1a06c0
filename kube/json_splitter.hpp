// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kpol::kube {

// Cuts JSON into the values worth decoding while its bytes arrive, in parts cut anywhere: a text of
// any length passes through with no more memory than its largest value. It finds where values end
// and no more; whether they are JSON is seen by who reads them.
class JsonSplitter {
 public:
  enum class Shape : unsigned char {
    Sequence,  // values one after the other, as in a watch
    List,      // one object, whose member "items" is taken apart
  };
  struct Piece {
    std::string_view member;  // of a List: "items" for an item, else the member's name
    std::string_view text;    // the value; valid until the next call
  };

  // A value of more than `limit` bytes is an error: nothing that is stored in a cluster is as
  // large, and what never ends must not fill the memory.
  explicit JsonSplitter(Shape shape, std::size_t limit = kLimit) : shape_(shape), limit_(limit) {}

  // Looks at `bytes` from `at` on, which moves on. True with the next piece; false when all bytes
  // were used. Throws SyntaxError; after that the splitter is of no use.
  bool next(std::string_view bytes, std::size_t& at, Piece& piece);

  // No value is open: of a Sequence between two, of a List after its end.
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
  bool scalar_ = false;    // the value is a number or a word, which ends where another begins
  bool inString_ = false;
  bool escaped_ = false;  // the last byte was a backslash in a string
  bool inItems_ = false;
  std::size_t begin_ = 0;  // of the value, in the present bytes
  std::string kept_;       // the value's bytes of earlier calls
  std::string member_;
};

}  // namespace kpol::kube
