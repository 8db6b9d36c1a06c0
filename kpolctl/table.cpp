// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace kpol::kpolctl {
namespace {

constexpr std::size_t kGap = 3;

// Bytes that continue a UTF-8 character have no width.
std::size_t widthOf(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

void appendPadded(std::string& line, const std::string& text, std::size_t width) {
  line += text;
  line.append(width + kGap - widthOf(text), ' ');
}

void endLine(std::string& text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  text += '\n';
}

}  // namespace

void Table::add(std::vector<std::string> row) {
  base::expects(row.size() == header_.size(), "a row has one cell for each column");
  for (auto& cell : row)
    if (cell.empty()) cell = "-";
  rows_.push_back(std::move(row));
}

std::string Table::print(std::string_view whenEmpty) const {
  if (rows_.empty()) return std::string(whenEmpty) + "\n";
  std::vector<std::size_t> widths;
  for (const auto& title : header_) widths.push_back(widthOf(title));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], widthOf(row[i]));
  std::string text;
  const auto printRow = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) appendPadded(text, row[i], widths[i]);
    endLine(text);
  };
  printRow(header_);
  for (const auto& row : rows_) printRow(row);
  return text;
}

void Fields::add(std::string name, std::vector<std::string> values) {
  if (values.empty()) values = {"-"};
  fields_.push_back({std::move(name), std::move(values)});
}

std::vector<std::string> Fields::lines(std::string value) {
  if (value.empty()) return {};
  return {std::move(value)};
}

std::string Fields::print() const {
  std::size_t width = 0;
  for (const auto& field : fields_) width = std::max(width, widthOf(field.name));
  std::string text;
  for (const auto& field : fields_) {
    std::string name = field.name;
    for (const auto& value : field.values) {
      appendPadded(text, name, width);
      text += value;
      endLine(text);
      name.clear();
    }
  }
  return text;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

}  // namespace kpol::kpolctl
