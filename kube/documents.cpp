// SPDX-License-Identifier: Apache-2.0
#include "kube/documents.hpp"

#include "kube/json_text.hpp"
#include "kube/syntax_error.hpp"
#include "kube/yaml_text.hpp"

#include <algorithm>
#include <optional>

namespace kpol::kube {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kBlanks = " \t\r\n";

// A file that was concatenated from several may have a byte order mark at the start of each
// document.
Document withoutMark(Document document) {
  const auto start = std::min(document.text.find_first_not_of(kBlanks), document.text.size());
  if (document.text.substr(start).starts_with(kByteOrderMark)) {
    const auto lines = std::ranges::count(document.text.substr(0, start), '\n');
    document.line += static_cast<std::size_t>(lines);
    document.text.remove_prefix(start + kByteOrderMark.size());
  }
  return document;
}

// Removes the first line, with its line end, from `text` and returns it.
std::string_view takeLine(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
  const auto line = text.substr(0, end);
  text.remove_prefix(end);
  return line;
}

bool isMarker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) &&
         (line.size() == marker.size() || kBlanks.find(line[marker.size()]) != kBlanks.npos);
}

bool hasContent(std::string_view text) {
  while (!text.empty()) {
    const auto line = takeLine(text);
    const auto start = line.find_first_not_of(kBlanks);
    if (start != line.npos && line[start] != '#' && line.front() != '%') return true;
  }
  return false;
}

// The length of the UTF-8 sequence at the start of `text`; 0 if it is invalid (RFC 3629 table).
std::size_t sequenceLength(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  // The range of the second byte excludes overlong forms, surrogates and values above U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

bool isControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

std::vector<Json> parseJson(const Document& document) {
  std::vector<Json> values;
  JsonText text(document.text, document.line);
  while (!text.atEnd()) values.push_back(text.next());
  return values;
}

std::optional<Json> tryYaml(const Document& document) {
  try {
    return parseYaml(document.text, document.line);
  } catch (const SyntaxError&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<Document> splitDocuments(std::string_view text) {
  std::vector<Document> documents;
  const char* start = text.data();
  std::size_t startLine = 1;
  const auto cut = [&](const char* end) {
    const std::string_view part(start, static_cast<std::size_t>(end - start));
    if (hasContent(part)) documents.push_back(withoutMark({part, startLine}));
  };
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = takeLine(text);
    const bool begins = isMarker(line, "---");
    if (!begins && !isMarker(line, "...")) continue;
    cut(line.data());
    // A document may begin on the line of its marker: "--- {kind: Pod}".
    start = begins ? line.data() + 3 : text.data();
    startLine = begins ? number : number + 1;
  }
  cut(text.data());
  return documents;
}

void checkCharacters(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = sequenceLength(text.substr(at, 4));
    const bool control = isControl(text[at]);
    if (length == 0 || control) {
      const auto line =
          std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      throw SyntaxError(static_cast<std::size_t>(line) + 1,
                        control ? "a control character" : "not UTF-8 text");
    }
    at += length;
  }
}

std::vector<Json> parseDocument(const Document& document) {
  const auto first = document.text.find_first_not_of(kBlanks);
  if (first == document.text.npos || document.text[first] != '{') {
    return {parseYaml(document.text, document.line)};
  }
  try {
    return parseJson(document);
  } catch (const SyntaxError&) {
    // YAML's flow style begins like JSON. If the text is neither, report the JSON error.
    if (auto tree = tryYaml(document)) return {std::move(*tree)};
    throw;
  }
}

}  // namespace kpol::kube
