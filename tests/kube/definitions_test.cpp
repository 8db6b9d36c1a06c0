// SPDX-License-Identifier: Apache-2.0
#include "kube/definitions.hpp"

#include "tests/kube/events.hpp"
#include "tests/kube/faults.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

using Lines = std::vector<std::string>;

Object pod(const std::string& ns, const std::string& name, const std::string& uid = "") {
  policy::Pod pod;
  pod.key = {ns, name};
  pod.uid = uid;
  return pod;
}

Object ns(const std::string& name, const std::string& team) {
  return policy::Namespace{name, labels({{"kubernetes.io/metadata.name", name}, {"team", team}})};
}

Object bareNamespace(const std::string& name) {
  return policy::Namespace{name, labels({{"kubernetes.io/metadata.name", name}})};
}

TEST(Definitions, NoDefinitionsGiveNoEvents) {
  Definitions definitions;
  definitions.replace("a", {});
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
}

TEST(Definitions, EventsAreReturnedOnce) {
  Definitions definitions;
  definitions.replace("a", {pod("shop", "web")});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Added, bareNamespace("shop")},
                                     {WatchEvent::Type::Added, pod("shop", "web")}}));
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
}

TEST(Definitions, ChangesAreTheDifferenceSinceTheLastCall) {
  Definitions definitions;
  definitions.replace(
      "a", {ns("shop", "x"), pod("shop", "same"), pod("shop", "other", "1"), pod("shop", "gone")});
  definitions.takeEvents();
  definitions.replace("a", {});
  definitions.replace(
      "a", {ns("shop", "x"), pod("shop", "same"), pod("shop", "other", "2"), pod("shop", "new")});
  EXPECT_EQ(lines(definitions.takeEvents()),
            (Lines{"Added Pod shop/new", "Modified Pod shop/other", "Deleted Pod shop/gone"}));
}

TEST(Definitions, ADeletedEventCarriesTheLastKnownObject) {
  Definitions definitions;
  definitions.replace("a", {ns("shop", "x"), pod("shop", "web", "7")});
  definitions.takeEvents();
  definitions.replace("a", {ns("shop", "x")});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Deleted, pod("shop", "web", "7")}}));
}

TEST(Definitions, NamespacesAreAddedFirstAndDeletedLast) {
  Definitions definitions;
  definitions.replace("a", {pod("b", "web"), pod("a", "web"), ns("z", "x")});
  EXPECT_EQ(lines(definitions.takeEvents()),
            (Lines{"Added Namespace a", "Added Namespace b", "Added Namespace z", "Added Pod a/web",
                   "Added Pod b/web"}));
  definitions.replace("a", {});
  EXPECT_EQ(lines(definitions.takeEvents()),
            (Lines{"Deleted Pod b/web", "Deleted Pod a/web", "Deleted Namespace z",
                   "Deleted Namespace b", "Deleted Namespace a"}));
}

TEST(Definitions, FirstFileByNameTakesPrecedence) {
  Definitions definitions;
  definitions.replace("b", {ns("shop", "b")});
  definitions.takeEvents();
  definitions.replace("c", {ns("shop", "c")});
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
  definitions.replace("a", {ns("shop", "a")});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Modified, ns("shop", "a")}}));
  EXPECT_EQ(lines(definitions.conflicts()),
            (Lines{"warning Namespace shop: b: is ignored, the object is already defined in a",
                   "warning Namespace shop: c: is ignored, the object is already defined in a"}));
}

TEST(Definitions, TheNextFileTakesOverWhenTheFirstDropsTheObject) {
  Definitions definitions;
  definitions.replace("a", {ns("shop", "a")});
  definitions.replace("b", {ns("shop", "b")});
  definitions.replace("c", {ns("shop", "b")});
  definitions.takeEvents();
  definitions.replace("a", {});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Modified, ns("shop", "b")}}));
  definitions.replace("b", {});  // "c" has the same object
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
  EXPECT_EQ(lines(definitions.conflicts()), Lines{});
  definitions.replace("c", {});
  EXPECT_EQ(lines(definitions.takeEvents()), (Lines{"Deleted Namespace shop"}));
}

TEST(Definitions, AnObjectThatMovesToAnotherFileDoesNotChange) {
  Definitions definitions;
  definitions.replace("a", {pod("shop", "web")});
  definitions.takeEvents();
  definitions.replace("a", {});
  definitions.replace("b", {pod("shop", "web")});
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
}

TEST(Definitions, ImpliedNamespaceExistsWhileItHasObjects) {
  Definitions definitions;
  definitions.replace("a", {pod("shop", "one")});
  definitions.replace("b", {pod("shop", "two")});
  definitions.takeEvents();
  definitions.replace("a", {});
  EXPECT_EQ(lines(definitions.takeEvents()), (Lines{"Deleted Pod shop/one"}));
  definitions.replace("b", {});
  EXPECT_EQ(lines(definitions.takeEvents()),
            (Lines{"Deleted Pod shop/two", "Deleted Namespace shop"}));
}

TEST(Definitions, AWrittenNamespaceReplacesTheImpliedOneAndBack) {
  Definitions definitions;
  definitions.replace("a", {pod("shop", "web")});
  definitions.takeEvents();
  definitions.replace("b", {ns("shop", "x")});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Modified, ns("shop", "x")}}));
  definitions.replace("b", {});
  EXPECT_EQ(definitions.takeEvents(),
            (std::vector<WatchEvent>{{WatchEvent::Type::Modified, bareNamespace("shop")}}));
}

TEST(Definitions, AnObjectInTwoFilesIsInItsNamespaceOnce) {
  Definitions definitions;
  definitions.replace("a", {pod("shop", "web")});
  definitions.replace("b", {pod("shop", "web")});
  definitions.takeEvents();
  definitions.replace("a", {});
  EXPECT_EQ(definitions.takeEvents(), std::vector<WatchEvent>{});
  definitions.replace("b", {});
  EXPECT_EQ(lines(definitions.takeEvents()),
            (Lines{"Deleted Pod shop/web", "Deleted Namespace shop"}));
}

TEST(Definitions, NamesAreComparedAsPairs) {
  Definitions definitions;
  definitions.replace("a", {pod("a-b", "c")});
  definitions.replace("b", {pod("a", "b-c")});
  EXPECT_EQ(definitions.takeEvents().size(), 4U);
  EXPECT_EQ(lines(definitions.conflicts()), Lines{});
}

}  // namespace
}  // namespace kpol::kube::testing
