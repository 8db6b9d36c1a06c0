// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/faults.hpp"

#include "kube/yaml_text.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {

std::vector<std::string> lines(const std::vector<policy::Diagnostic>& diagnostics) {
  std::vector<std::string> result;
  for (const auto& diagnostic : diagnostics) {
    const bool error = diagnostic.severity == policy::Diagnostic::Severity::Error;
    result.push_back((error ? "error " : "warning ") + toString(diagnostic));
  }
  return result;
}

Object readOne(std::string_view yaml) {
  Manifests manifests = readManifests(yaml, "test.yaml");
  EXPECT_EQ(lines(manifests.diagnostics), std::vector<std::string>{}) << yaml;
  if (manifests.objects.size() == 1) return std::move(manifests.objects.front());
  ADD_FAILURE() << manifests.objects.size() << " objects in\n" << yaml;
  return {};
}

std::vector<std::string> faultsOf(std::string_view yaml) {
  static constexpr std::string_view kPlace = "test.yaml: document 1: ";
  auto result = lines(readManifests(yaml, "test.yaml").diagnostics);
  for (std::string& line : result) {
    const auto at = line.find(kPlace);
    EXPECT_NE(at, line.npos) << line;
    if (at != line.npos) line.erase(at, kPlace.size());
  }
  return result;
}

Decoded decodeStored(Kind kind, std::string_view yaml) {
  const DecodeResult result = decodeObject(kind, parseYaml(yaml, 1).dump(), Origin::ApiServer);
  EXPECT_TRUE(result.object.has_value()) << yaml;
  return {result.object.value_or(Object{}), lines(result.diagnostics)};
}

}  // namespace kpol::kube::testing
