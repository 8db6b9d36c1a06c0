// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

namespace kpol::kube {

// The format of a resourceVersion is up to the server; all known servers use an increasing number.
// "0" and "" mean "any" and "the newest", never a version in history.
inline bool isVersion(std::string_view version) {
  return !version.empty() && version != "0";
}

inline bool isNumber(std::string_view text) {
  return !text.empty() && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

// Whether `version` is later than `known`. If one of them is not a number: whether they differ.
inline bool isNewer(std::string_view version, std::string_view known) {
  if (!isVersion(version)) return false;
  if (!isNumber(version) || !isNumber(known)) return version != known;
  if (version.size() != known.size()) return version.size() > known.size();
  return version > known;
}

// Whether `version` is earlier than `known`; false if one of them is not a number.
inline bool isOlder(std::string_view version, std::string_view known) {
  return isNumber(version) && isNumber(known) && isNewer(known, version);
}

}  // namespace kpol::kube
