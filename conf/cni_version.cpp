// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_version.hpp"

#include "conf/json_object.hpp"

#include <algorithm>

namespace kpol::conf {

std::string_view toString(CniVersion version) {
  static constexpr std::array<std::string_view, kCniVersions.size()> kTexts{
      "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
  return kTexts.at(static_cast<std::size_t>(version));
}

std::optional<CniVersion> parseCniVersion(std::string_view text) {
  const auto* found = std::find_if(kCniVersions.begin(), kCniVersions.end(),
                                   [&](CniVersion known) { return toString(known) == text; });
  if (found == kCniVersions.end()) return std::nullopt;
  return *found;
}

CniVersion versionOf(std::string_view networkConfig) {
  const Json json = parseJson(networkConfig, "network config");
  return versionOf(JsonObject(json));
}

CniVersion versionOf(const JsonObject& networkConfig) {
  const std::string text = networkConfig.optionalString("cniVersion").value_or("0.1.0");
  const auto version = parseCniVersion(text);
  if (version) return *version;
  throw IncompatibleVersion("cniVersion: \"" + text + "\" is not supported; kpol supports 0.3.0, " +
                            "0.3.1, 0.4.0, 1.0.0 and 1.1.0");
}

std::string printSupportedVersions(CniVersion asked) {
  Json supported = Json::array();
  for (const auto version : kCniVersions) supported.push_back(toString(version));
  return Json{{"cniVersion", toString(asked)}, {"supportedVersions", std::move(supported)}}.dump();
}

}  // namespace kpol::conf
