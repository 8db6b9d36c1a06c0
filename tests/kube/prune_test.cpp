// SPDX-License-Identifier: Apache-2.0
#include "kube/prune.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <random>

namespace kpol::kube {
namespace {

using nlohmann::json;

TEST(Prune, RemovesUnusedFields) {
  EXPECT_EQ(pruned(R"({"metadata":{"name":"a","managedFields":[{"x":"]}\""}],"uid":"u"},"x":1})"),
            R"({"metadata":{"name":"a","managedFields":null,"uid":"u"},"x":1})");
  EXPECT_EQ(pruned(R"({ "spec" : { "containers" : [ { "env" : [ 1 ] , "ports" : [] } ] } })"),
            R"({ "spec" : { "containers" : [ { "env" : null , "ports" : [] } ] } })");
  EXPECT_EQ(pruned(R"({"type":"ADDED","object":{"status":{"conditions":[],"phase":"Running"}}})"),
            R"({"type":"ADDED","object":{"status":{"conditions":null,"phase":"Running"}}})");
  EXPECT_EQ(
      pruned(R"({"metadata":{"annotations":{"a":"}","kubernetes.io/config.hash":"h","b":"\""}}})"),
      R"({"metadata":{"annotations":{"a":null,"kubernetes.io/config.hash":"h","b":null}}})");
}

// A key is unused only at its place: labels may have any name.
TEST(Prune, KeepsKeysOfOtherOwners) {
  for (const char* text :
       {R"({"metadata":{"labels":{"managedFields":"v","env":"w","annotations":"z"}}})",
        R"({"managedFields":[1]})", R"({"spec":{"env":[1]}})",
        R"(["metadata",{"managedFields":"x"}])", R"({"a":"metadata","managedFields":"x"})",
        R"({"metadata":{"annotations":5}})"})
    EXPECT_EQ(pruned(text), text);
}

TEST(Prune, IncompleteTextIsUnchanged) {
  const std::string text = R"({"metadata":{"annotations":{"a":"b\"c"},"name":"n"}})";
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_EQ(pruned(text.substr(0, size)), text.substr(0, size));
  for (const char* wrong : {"}", "]", "{]", R"({"metadata":{"annotations" 5}})", R"({"a)"})
    EXPECT_EQ(pruned(wrong), wrong);
  EXPECT_EQ(pruned(""), "");
  EXPECT_EQ(pruned("12"), "12");
}

json randomJson(std::mt19937& random, int depth) {
  static const char* const kKeys[] = {
      "metadata", "managedFields", "annotations", "spec",   "volumes", "containers",
      "env",      "status",        "conditions",  "x\"\\{", ""};
  static const char* const kTexts[] = {"", "a", "\"", "\\", "}{][", "\\\"", "\xc3\xa9", "\x01"};
  const auto kind = random() % (depth > 0 ? 6 : 4);
  if (kind == 0) return kTexts[random() % std::size(kTexts)];
  if (kind == 1) return static_cast<int>(random() % 100);
  if (kind == 2) return nullptr;
  if (kind == 3) return random() % 2 == 0;
  json value = kind == 4 ? json::array() : json::object();
  for (auto n = random() % 4; n > 0; --n) {
    if (kind == 4)
      value.push_back(randomJson(random, depth - 1));
    else
      value[kKeys[random() % std::size(kKeys)]] = randomJson(random, depth - 1);
  }
  return value;
}

// What pruned() should do, on the tree.
void pruneTree(json& value, const std::string& owner) {
  if (value.is_array()) {
    for (auto& item : value) pruneTree(item, owner);
  }
  if (!value.is_object()) return;
  for (auto& [name, member] : value.items()) {
    if (isUnused(owner, name) && (member.is_structured() || member.is_string()))
      member = nullptr;
    else
      pruneTree(member, name);
  }
}

TEST(Prune, IsTheSameOnTextAndTree) {
  std::mt19937 random(7);
  for (int i = 0; i < 5000; ++i) {
    json tree = {{"metadata", randomJson(random, 4)}, {"spec", randomJson(random, 4)}};
    const std::string text = tree.dump(i % 3 == 0 ? 1 : -1);
    pruneTree(tree, "");
    ASSERT_EQ(json::parse(pruned(text)), tree) << text;
  }
}

}  // namespace
}  // namespace kpol::kube
