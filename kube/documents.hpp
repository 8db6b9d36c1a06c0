// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>
#include <vector>

namespace kpol::kube {

// A part of a text between "---" lines that has more than comments and directives in it.
struct Document {
  std::string_view text;
  std::size_t line = 1;  // of its first byte, from 1
};

// Where YAML has document markers at the start of a line they are markers whatever they stand in,
// so the split needs no parser, and a document with a fault does not hide those after it.
std::vector<Document> splitDocuments(std::string_view text);

// Throws SyntaxError when `text` is not UTF-8 or has control characters, which YAML forbids and
// yaml-cpp does not notice: it takes a byte 4 for the end of the text.
void checkCharacters(std::string_view text);

// The values in one document: one of YAML, any number of JSON. Throws SyntaxError.
std::vector<Json> parseDocument(const Document& document);

}  // namespace kpol::kube
