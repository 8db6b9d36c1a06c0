// SPDX-License-Identifier: Apache-2.0
#include "kube/manifest.hpp"

#include "tests/kube/faults.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

using Lines = std::vector<std::string>;

Lines idsOf(const Manifests& manifests) {
  Lines ids;
  for (const auto& object : manifests.objects) ids.push_back(toString(idOf(object)));
  return ids;
}

// The result of parsing `text`: the objects by name, and the errors.
void checkManifest(std::string_view text, const Lines& objects, const Lines& faults = {}) {
  const Manifests manifests = readManifests(text, "f.yaml");
  EXPECT_EQ(idsOf(manifests), objects) << text;
  EXPECT_EQ(lines(manifests.diagnostics), faults) << text;
}

TEST(Manifest, EveryKindInTheOrderOfTheText) {
  checkManifest(R"(# a comment
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
---
{apiVersion: v1, kind: Pod, metadata: {name: web}}
---
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
)",
                {"NetworkPolicy shop/p", "Node node-1", "Pod default/web", "Namespace shop"});
}

TEST(Manifest, EmptyTextIsValid) {
  for (const char* text : {"", "\n", "---\n---\n", "# nothing\n", "\xEF\xBB\xBF", "null\n", "~",
                           "...\n", "\r\n---\r\n"}) {
    checkManifest(text, {});
  }
}

TEST(Manifest, WindowsTextAndByteOrderMark) {
  checkManifest(
      "\xEF\xBB\xBF"
      "apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: web\r\n---\r\n"
      "apiVersion: v1\r\nkind: Namespace\r\nmetadata:\r\n  name: \"shop\"\r\n",
      {"Pod default/web", "Namespace shop"});
}

TEST(Manifest, ListsOfSeveralKinds) {
  checkManifest(R"({"apiVersion":"v1","kind":"List","items":[
    {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}},
    {"apiVersion":"v1","kind":"List","items":[
      {"apiVersion":"v1","kind":"Namespace","metadata":{"name":"b"}}]},
    {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicyList","items":[
      {"metadata":{"name":"c"}}]}]})",
                {"Pod default/a", "Namespace b", "NetworkPolicy default/c"});
}

TEST(Manifest, ItemsOfATypedListNeedNoKind) {
  checkManifest(
      "{apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}, {apiVersion: v1, kind: Pod, "
      "metadata: {name: b}}]}",
      {"Pod default/a", "Pod default/b"});
  checkManifest("{apiVersion: v1, kind: NamespaceList, items: []}", {});
  checkManifest(
      "{apiVersion: v1, kind: List, items: null}", {},
      {"warning kind: f.yaml: document 1: \"List of v1\" is not used by kpol and is ignored"});
}

TEST(Manifest, ErrorsInListsNameTheItem) {
  checkManifest(
      "{apiVersion: v1, kind: List, items: [{kind: Pod}, null, {apiVersion: v1, kind: Pod, "
      "metadata: {name: b, uid: 1}}]}",
      {},
      {"error apiVersion: f.yaml: document 1: items[0]: is required",
       "error Pod default/b: metadata.uid: f.yaml: document 1: items[2]: must be a string, found "
       "the number 1 (quote it)",
       "error items[1]: f.yaml: document 1: must not be null"});
  checkManifest("{apiVersion: v1, kind: List, items: {}}", {},
                {"error items: f.yaml: document 1: must be a list, found an object"});
}

TEST(Manifest, OtherKindsGiveAWarning) {
  checkManifest(
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: [anything]}", {},
      {"warning kind: f.yaml: document 1: \"Deployment of apps/v1\" is not used by kpol and is "
       "ignored"});
}

TEST(Manifest, KnownKindsOfOtherVersionsAreErrors) {
  checkManifest(
      "{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: x}}", {},
      {"error apiVersion: f.yaml: document 1: must be networking.k8s.io/v1 for a NetworkPolicy, "
       "found \"extensions/v1beta1\""});
  checkManifest("{apiVersion: v2, kind: Pod, metadata: {name: x}}", {},
                {"error apiVersion: f.yaml: document 1: must be v1 for a Pod, found \"v2\""});
}

TEST(Manifest, KindAndApiVersionAreRequired) {
  checkManifest("{kind: Pod, metadata: {name: x}}", {},
                {"error apiVersion: f.yaml: document 1: is required"});
  checkManifest(
      "{apiVersion: v1, kind: 1}", {},
      {"error kind: f.yaml: document 1: must be a string, found the number 1 (quote it)"});
  checkManifest("{}", {},
                {"error apiVersion: f.yaml: document 1: is required",
                 "error kind: f.yaml: document 1: is required"});
  checkManifest("- a\n", {}, {"error f.yaml: document 1: must be an object, found a list"});
  checkManifest("hello", {}, {"error f.yaml: document 1: must be an object, found \"hello\""});
}

TEST(Manifest, InvalidDocumentDoesNotHideTheOthers) {
  const Manifests manifests = readManifests(R"(
{apiVersion: v1, kind: Pod, metadata: {name: a}}
---
metadata: [
---
{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}
{"apiVersion":"v1","kind":"Pod","metadata":{}}
---
a: 1
a: 2
---
{apiVersion: v1, kind: Pod, metadata: {name: c}}
)",
                                            "f.yaml");
  EXPECT_EQ(idsOf(manifests), (Lines{"Pod default/a", "Pod default/b", "Pod default/c"}));
  ASSERT_EQ(manifests.diagnostics.size(), 3U);
  EXPECT_TRUE(manifests.broken());
  EXPECT_TRUE(manifests.diagnostics[0].message.starts_with("f.yaml: document 2: line "));
  EXPECT_EQ(toString(manifests.diagnostics[1]),
            "metadata.name: f.yaml: document 4: is required in a Pod");
  EXPECT_EQ(toString(manifests.diagnostics[2]),
            "f.yaml: document 5: line 10: the key \"a\" is duplicated");
}

TEST(Manifest, AnObjectDefinedTwiceIsAnError) {
  checkManifest(
      "{apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}\n"
      "---\n{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: default}}\n",
      {"Pod default/a"},
      {"error Pod default/a: f.yaml: document 2: is also defined in document 1: items[0]"});
}

TEST(Manifest, EqualNamesOfOtherKindsOrNamespacesAreOtherObjects) {
  checkManifest(
      "{apiVersion: v1, kind: Pod, metadata: {name: b-c, namespace: a}}\n"
      "---\n{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: a-b}}\n"
      "---\n{apiVersion: v1, kind: Node, metadata: {name: c}}\n"
      "---\n{apiVersion: v1, kind: Namespace, metadata: {name: c}}\n",
      {"Pod a/b-c", "Pod a-b/c", "Node c", "Namespace c"});
}

TEST(Manifest, TruncatedTextIsAnError) {
  const std::string json = R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","uid":"x"}})";
  for (std::size_t length = 1; length < json.size(); ++length) {
    const Manifests manifests = readManifests(json.substr(0, length), "f.json");
    EXPECT_TRUE(manifests.broken()) << length;
    EXPECT_EQ(idsOf(manifests), Lines{}) << length;
  }
  for (const char* yaml : {"apiVersion: v1\nkind: Pod\nmetadata: {name: a,",
                           "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"a\n",
                           "apiVersion: v1\nkind: Pod\nmetadata:\n  name: 'a",
                           "apiVersion: v1\nkind: Pod\nmetadata: [\n"}) {
    EXPECT_TRUE(readManifests(yaml, "f.yaml").broken()) << yaml;
  }
}

TEST(Manifest, InvalidUtf8RejectsTheWholeText) {
  checkManifest("{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n# \xff\n", {},
                {"error f.yaml: line 3: not UTF-8 text"});
  checkManifest(std::string_view("a: b\0c", 6), {}, {"error f.yaml: line 1: a control character"});
  checkManifest("kind: Pod\n\x04", {}, {"error f.yaml: line 2: a control character"});
}

TEST(Manifest, TenThousandDocuments) {
  std::string text;
  Lines expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "pod-" + std::to_string(i);
    text += "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name +
            "\n  namespace: shop\n  labels: {app: web}\n";
    expected.push_back("Pod shop/" + name);
  }
  const Manifests manifests = readManifests(text, "f.yaml");
  EXPECT_EQ(lines(manifests.diagnostics), Lines{});
  EXPECT_EQ(idsOf(manifests), expected);
}

TEST(Manifest, ErrorNamesItsDocument) {
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "---\n{apiVersion: v1, kind: Pod, metadata: {name: pod-" + std::to_string(i) + "}}\n";
  }
  const Manifests manifests = readManifests(text + "---\n{apiVersion: v1, kind: Pod}\n", "f.yaml");
  EXPECT_EQ(lines(manifests.diagnostics),
            (Lines{"error metadata.name: f.yaml: document 501: is required in a Pod"}));
}

TEST(Manifest, WarningsAreNotErrors) {
  EXPECT_FALSE(readManifests("{apiVersion: v1, kind: Secret}", "f").broken());
  EXPECT_TRUE(readManifests("{apiVersion: v1}", "f").broken());
  EXPECT_FALSE(readManifests("", "f").broken());
}

}  // namespace
}  // namespace kpol::kube::testing
