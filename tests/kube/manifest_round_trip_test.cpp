// SPDX-License-Identifier: Apache-2.0
// read(print(x)) == x, where print is written for the tests and shares no code with the reader.
#include "tests/kube/faults.hpp"
#include "tests/kube/random_objects.hpp"
#include "tests/support/manifest_text.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

constexpr unsigned kRoundTrips = 200;

void checkReads(const std::string& text, const std::vector<Object>& objects, unsigned seed) {
  const Manifests manifests = readManifests(text, "f");
  ASSERT_EQ(lines(manifests.diagnostics), std::vector<std::string>{}) << "seed " << seed;
  ASSERT_EQ(manifests.objects.size(), objects.size()) << "seed " << seed;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    ASSERT_EQ(manifests.objects[i], objects[i]) << "seed " << seed << "\n"
                                                << test::toYaml(objects[i]);
  }
}

TEST(ManifestRoundTrip, YamlDocuments) {
  for (unsigned seed = 0; seed < kRoundTrips; ++seed) {
    std::mt19937 random(seed);
    const auto objects = randomObjects(random, 5);
    checkReads(test::toYaml(objects), objects, seed);
    if (HasFatalFailure()) return;
  }
}

TEST(ManifestRoundTrip, JsonLists) {
  for (unsigned seed = 0; seed < kRoundTrips; ++seed) {
    std::mt19937 random(seed);
    const auto objects = randomObjects(random, 5);
    checkReads(test::toJsonList(objects), objects, seed);
    if (HasFatalFailure()) return;
  }
}

TEST(ManifestRoundTrip, SingleObjectsByBothDecoders) {
  std::mt19937 random(7);
  for (const Object& object : randomObjects(random, 200)) {
    const std::string json = test::toJson(object);
    for (const Origin origin : {Origin::Manifest, Origin::ApiServer}) {
      const auto result = decodeObject(idOf(object).kind, json, origin);
      ASSERT_EQ(lines(result.diagnostics), std::vector<std::string>{}) << json;
      ASSERT_EQ(result.object, object) << json;
    }
  }
}

}  // namespace
}  // namespace kpol::kube::testing
