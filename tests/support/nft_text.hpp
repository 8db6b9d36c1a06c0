// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/process.hpp"

#include <regex>
#include <string>

namespace kpol::test {

// Whether the machine's nft is newer than 1.0, whose text print() returns.
inline bool isNewerNft() {
  static const bool newer = run({"nft", "--version"}).out.find("v1.0.") == std::string::npos;
  return newer;
}

// print() returns the text of nft 1.0.6 (Debian 12). nft 1.1 (Debian 13) breaks the lines of a
// map's elements differently, names priorities on fewer hooks, writes a range of one value as a
// range, and some protocols and ICMPv6 types as numbers. Only with nft 1.1 these are excluded from
// the comparison.
inline std::string comparable(std::string text) {
  if (!isNewerNft()) return text;
  const std::string lineBreak = ",\n\t\t\t     ";
  for (auto at = text.find(lineBreak); at != text.npos; at = text.find(lineBreak, at))
    text.replace(at, lineBreak.size(), ", ");
  static const std::regex priority("(hook [a-z]+ priority) [^;]*;");
  static const std::regex single(R"( ([\w.:]+)-\1( |\n))");
  static const std::regex named("(meta l4proto|icmpv6 type) (!= )?[a-z0-9-]+");
  text = std::regex_replace(text, priority, "$1;");
  text = std::regex_replace(text, single, " $1$2");
  return std::regex_replace(text, named, "$1 $2");
}

}  // namespace kpol::test
