// SPDX-License-Identifier: Apache-2.0
// Damaged manifests: for any bytes, reading ends, does not throw, and its result keeps the
// invariants that other rooms rely on.
#include "tests/kube/faults.hpp"
#include "tests/kube/random_objects.hpp"
#include "tests/support/manifest_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace kpol::kube::testing {
namespace {

constexpr unsigned kMutations = 600;

// Bytes with a meaning in YAML or JSON, and some with none.
char damage(std::mt19937& random) {
  static constexpr std::string_view kBytes = "{}[]:,-#&*!|>'\"%@`?~<\\ \n\t09aZ.\x04\xff\xc3\x7f";
  return kBytes[random() % kBytes.size()];
}

std::string mutate(std::string text, std::mt19937& random) {
  for (auto count = 1 + random() % 4; count > 0 && !text.empty(); --count) {
    const std::size_t at = random() % text.size();
    const std::size_t length = random() % 20;
    switch (random() % 5) {
      case 0: text[at] = damage(random); break;
      case 1: text.insert(at, 1, damage(random)); break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(random() % text.size(), length)); break;
      default: text.resize(at); break;
    }
  }
  return text;
}

void checkInvariants(const Manifests& manifests) {
  std::set<ObjectId> ids;
  for (const Object& object : manifests.objects) {
    const auto id = idOf(object);
    EXPECT_FALSE(id.key.name.empty());
    EXPECT_TRUE(ids.insert(id).second) << toString(id);
    if (const auto* pod = std::get_if<policy::Pod>(&object)) {
      EXPECT_TRUE(std::ranges::is_sorted(pod->ips));
      EXPECT_TRUE(std::ranges::is_sorted(pod->ports));
    }
  }
  for (const auto& diagnostic : manifests.diagnostics) {
    EXPECT_TRUE(diagnostic.message.starts_with("f: ")) << diagnostic.message;
    EXPECT_EQ(toString(diagnostic).find('\n'), std::string::npos) << diagnostic.message;
  }
}

void checkDamaged(auto print) {
  std::mt19937 random(20240229);
  std::size_t broken = 0;
  for (unsigned round = 0; round < kMutations; ++round) {
    const auto objects = randomObjects(random, 2);
    const auto manifests = readManifests(mutate(print(objects), random), "f");
    checkInvariants(manifests);
    broken += manifests.broken() ? 1 : 0;
  }
  EXPECT_GT(broken, kMutations / 4);  // else the damage is too small to show anything
}

TEST(ManifestMutation, DamagedYaml) {
  checkDamaged([](const std::vector<Object>& objects) { return test::toYaml(objects); });
}

TEST(ManifestMutation, DamagedJson) {
  checkDamaged([](const std::vector<Object>& objects) { return test::toJsonList(objects); });
}

TEST(ManifestMutation, RandomBytes) {
  std::mt19937 random(5);
  for (unsigned round = 0; round < kMutations; ++round) {
    std::string text;
    for (auto length = random() % 60; length > 0; --length) text += damage(random);
    checkInvariants(readManifests(text, "f"));
    static_cast<void>(decodeObject(Kind::NetworkPolicy, text, Origin::ApiServer));
  }
}

}  // namespace
}  // namespace kpol::kube::testing
