// SPDX-License-Identifier: Apache-2.0
#include "policy/objects.hpp"

#include "policy/diagnostic.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

TEST(Labels, AreSortedByKey) {
  const Labels labels(Entries{{"b", "2"}, {"a", "1"}, {"c", ""}});
  EXPECT_EQ(labels.entries(), (Entries{{"a", "1"}, {"b", "2"}, {"c", ""}}));
  EXPECT_EQ(labels, Labels(Entries{{"c", ""}, {"a", "1"}, {"b", "2"}}));
}

TEST(Labels, KeepTheLastOfEqualKeys) {
  const Labels labels(Entries{{"a", "3"}, {"b", "1"}, {"a", "1"}, {"a", "2"}});
  EXPECT_EQ(labels.entries(), (Entries{{"a", "2"}, {"b", "1"}}));
}

TEST(Labels, FindTellsAbsentFromEmpty) {
  const Labels labels(Entries{{"app", "web"}, {"empty", ""}});
  ASSERT_NE(labels.find("app"), nullptr);
  EXPECT_EQ(*labels.find("app"), "web");
  ASSERT_NE(labels.find("empty"), nullptr);
  EXPECT_EQ(*labels.find("empty"), "");
  for (const char* absent : {"", "ap", "apps", "App", "zoo"}) {
    EXPECT_EQ(labels.find(absent), nullptr) << absent;
  }
  EXPECT_EQ(Labels{}.find("app"), nullptr);
}

struct IsolatesCase {
  std::vector<Direction> policyTypes;
  bool ingressRules;
  bool egressRules;
  bool isolatesIngress;
  bool isolatesEgress;
};

// pkg/apis/networking/v1/defaults.go and types.go, all combinations.
TEST(Isolates, FollowsPolicyTypesAndTheirDefault) {
  const auto in = Direction::Ingress;
  const auto out = Direction::Egress;
  const std::vector<IsolatesCase> cases = {
      {{}, false, false, true, false},        {{}, true, false, true, false},
      {{}, false, true, true, true},          {{}, true, true, true, true},
      {{in}, false, false, true, false},      {{in}, true, true, true, false},
      {{out}, false, false, false, true},     {{out}, true, true, false, true},
      {{in, out}, false, false, true, true},  {{out, in}, true, true, true, true},
      {{out, out}, true, false, false, true},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    NetworkPolicy policy;
    policy.policyTypes = cases[i].policyTypes;
    policy.ingress.resize(cases[i].ingressRules ? 1 : 0);
    policy.egress.resize(cases[i].egressRules ? 1 : 0);
    EXPECT_EQ(isolates(policy, in), cases[i].isolatesIngress) << "case " << i;
    EXPECT_EQ(isolates(policy, out), cases[i].isolatesEgress) << "case " << i;
  }
}

TEST(NetworkPolicy, RulesAreThoseOfTheDirection) {
  NetworkPolicy policy;
  policy.ingress.resize(1);
  policy.egress.resize(2);
  EXPECT_EQ(&policy.rules(Direction::Ingress), &policy.ingress);
  EXPECT_EQ(&policy.rules(Direction::Egress), &policy.egress);
}

TEST(Direction, IsSpelledAsInTheApi) {
  EXPECT_EQ(toString(Direction::Ingress), "Ingress");
  EXPECT_EQ(toString(Direction::Egress), "Egress");
}

TEST(Diagnostic, PrintsOnlyKnownParts) {
  const auto error = Diagnostic::Severity::Error;
  const std::string object = "NetworkPolicy shop/allow-web";
  const std::string field = "spec.ingress[0].ports[1].port";
  EXPECT_EQ(toString(Diagnostic{error, object, field, "must be 1..65535"}),
            object + ": " + field + ": must be 1..65535");
  EXPECT_EQ(toString(Diagnostic{error, object, "", "is no object"}), object + ": is no object");
  EXPECT_EQ(toString(Diagnostic{error, "", "kind", "is missing"}), "kind: is missing");
  EXPECT_EQ(toString(Diagnostic{error, "", "", "is no YAML"}), "is no YAML");
}

}  // namespace
}  // namespace kpol::policy
