// SPDX-License-Identifier: Apache-2.0
// The worked example of docs/ruleset.md is what its policy compiles to.
#include "kube/manifest.hpp"
#include "nft/print.hpp"
#include "policy/compile.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace kpol::test {
namespace {

std::string document() {
  std::ifstream file(KPOL_SOURCE_DIR "/docs/ruleset.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// Returns the text between the first line of ``` that begins with `opening`, from `start` on, and
// the next ```, with its last newline.
std::string blockAfter(const std::string& text, std::size_t start, const std::string& opening) {
  const auto at = text.find("```" + opening + "\n", start);
  if (at == std::string::npos) return "no block ```" + opening;
  const auto first = at + opening.size() + 4;
  return text.substr(first, text.find("```", first) - first);
}

void addPod(policy::Snapshot& snapshot, const char* key, const char* address,
            const char* interface) {
  policy::Pod pod;
  pod.key = keyOf(key);
  pod.labels = labels({{"app", pod.key.name}});
  pod.phase = policy::PodPhase::Running;
  pod.ips = {ip(address)};
  snapshot.endpoints.push_back({pod.key, *base::IfName::parse(interface), pod.ips});
  snapshot.pods.push_back(std::move(pod));
}

TEST(WorkedExample, IsWhatItsPolicyCompilesTo) {
  const auto text = document();
  const auto start = text.find("## A worked example");
  ASSERT_NE(start, std::string::npos);
  const auto yaml = blockAfter(text, start, "yaml");
  const auto manifests = kube::readManifests(yaml, "ruleset.md");
  ASSERT_FALSE(manifests.broken());
  policy::Snapshot snapshot;
  for (const auto& object : manifests.objects)
    if (const auto* policy = std::get_if<policy::NetworkPolicy>(&object))
      snapshot.policies.push_back(*policy);
  ASSERT_EQ(snapshot.policies.size(), 1U);
  snapshot.namespaces = {{"shop", labels({{"kubernetes.io/metadata.name", "shop"}})}};
  addPod(snapshot, "shop/db", "10.244.1.2", "kpol009269b92b3");
  addPod(snapshot, "shop/web", "10.244.1.1", "kpol54dace0df1a");

  EXPECT_EQ(blockAfter(text, text.find(yaml) + yaml.size() + 4, ""),
            nft::print(policy::compile(snapshot).ruleset));
}

}  // namespace
}  // namespace kpol::test
