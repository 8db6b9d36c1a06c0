// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>
#include <vector>

namespace kpol::kube {

// A part of a text between "---" lines that contains more than comments and directives.
struct Document {
  std::string_view text;
  std::size_t line = 1;  // number of its first line, from 1
};

// Splits `text` into documents. In YAML a document marker at the start of a line is a marker in any
// context, so this needs no parser, and an invalid document does not hide those after it.
std::vector<Document> splitDocuments(std::string_view text);

// Throws SyntaxError if `text` is not UTF-8 or contains control characters. YAML forbids these, but
// yaml-cpp does not detect them: it treats a byte 4 as the end of the text.
void checkCharacters(std::string_view text);

// Returns the values in one document: one of YAML, or any number of JSON. Throws SyntaxError.
std::vector<Json> parseDocument(const Document& document);

}  // namespace kpol::kube
