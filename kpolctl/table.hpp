// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kpol::kpolctl {

// Text in columns, as kubectl prints lists: an upper-case header, columns as wide as their widest
// cell, three spaces between columns, no trailing spaces. Widths are counted in UTF-8 characters.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  // Adds a row with as many cells as the header. An empty cell is printed as "-".
  void add(std::vector<std::string> row);
  // If there are no rows, returns `whenEmpty` and a newline.
  [[nodiscard]] std::string print(std::string_view whenEmpty) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

// Names and values of one object, with the values aligned. Further lines of a value are printed
// below its first line.
class Fields {
 public:
  void add(std::string name, std::string value) { add(std::move(name), lines(std::move(value))); }
  // An empty list is printed as "-".
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
