// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kpol::kpolctl {

// Text in columns, as kubectl prints lists: upper-case header, columns as wide as their widest cell
// and three blanks apart, no blanks at the ends of lines. Width is counted in characters of UTF-8.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  // As many cells as the header has; an empty cell is printed as "-".
  void add(std::vector<std::string> row);
  // Without rows: `whenEmpty` and a newline.
  [[nodiscard]] std::string print(std::string_view whenEmpty) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Names and values of one object, the values aligned. A value's further lines stand below its
// first.
class Fields {
 public:
  void add(std::string name, std::string value) { add(std::move(name), lines(std::move(value))); }
  // No lines at all is printed as "-".
  void add(std::string name, std::vector<std::string> values);
  [[nodiscard]] std::string print() const;

 private:
  static std::vector<std::string> lines(std::string value);
  struct Field {
    std::string name;
    std::vector<std::string> values;
  };
  std::vector<Field> fields_;
};

// "a, b, c"
std::string joined(const std::vector<std::string>& texts);

}  // namespace kpol::kpolctl
