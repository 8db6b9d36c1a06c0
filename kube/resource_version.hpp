// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

namespace kpol::kube {

// A resourceVersion is the server's own text; all known servers use a growing number, and "0" and
// "" stand for "any" and "the newest", never for a place in history.
inline bool isVersion(std::string_view version) {
  return !version.empty() && version != "0";
}

inline bool isNumber(std::string_view text) {
  return !text.empty() && text.front() != '0' &&
         std::ranges::all_of(text, [](char c) { return '0' <= c && c <= '9'; });
}

// Whether `version` comes after `known`; of texts that are no numbers, whether it is another one.
inline bool isNewer(std::string_view version, std::string_view known) {
  if (!isVersion(version)) return false;
  if (!isNumber(version) || !isNumber(known)) return version != known;
  if (version.size() != known.size()) return version.size() > known.size();
  return version > known;
}

}  // namespace kpol::kube
