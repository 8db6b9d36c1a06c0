// SPDX-License-Identifier: Apache-2.0
// A file of manifests, YAML or JSON.
#include "kube/manifest.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/manifest_text.hpp"

#include <algorithm>

namespace {

using kpol::fuzz::require;
using namespace kpol::kube;

void requireReadsBack(const std::string& text, const Manifests& manifests) {
  const auto again = readManifests(text, "again");
  require(again.diagnostics.empty(), "what is printed has no fault");
  require(again.objects == manifests.objects, "what is printed is read back");
}

}  // namespace

KPOL_FUZZ_HARNESS(manifest) {
  const auto manifests = readManifests(kpol::fuzz::textOf(data, size), "file");
  for (const auto& diagnostic : manifests.diagnostics)
    require(std::none_of(diagnostic.message.begin(), diagnostic.message.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20; }),
            "a diagnostic is one line");
  if (manifests.objects.empty()) return 0;
  requireReadsBack(kpol::test::toYaml(manifests.objects), manifests);
  requireReadsBack(kpol::test::toJsonList(manifests.objects), manifests);
  return 0;
}
