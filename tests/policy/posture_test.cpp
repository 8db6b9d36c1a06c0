// SPDX-License-Identifier: Apache-2.0
#include "policy/posture.hpp"

#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

Namespace ns(const char* name, const char* label = nullptr) {
  return {name, label == nullptr ? Labels() : t::labels({{kDefaultPolicyLabel, label}})};
}

std::string isolationOf(const Posture& posture, const Namespace& of) {
  const auto policy = impliedPolicy(posture, of);
  if (!policy) return "open";
  EXPECT_EQ(policy->key, (base::ObjectKey{of.name, kImpliedPolicyName}));
  EXPECT_EQ(policy->podSelector, LabelSelector{});
  EXPECT_TRUE(policy->ingress.empty() && policy->egress.empty());
  std::string text;
  for (const auto direction : {Direction::Ingress, Direction::Egress})
    if (isolates(*policy, direction)) text += std::string(toString(direction)) + " ";
  return text;
}

TEST(Posture, ParsesAndPrintsItsNames) {
  for (const char* word : {"allow", "deny-ingress", "deny"})
    EXPECT_EQ(toString(parseDefaultPolicy(word).value()), word);
  EXPECT_EQ(parseDefaultPolicy("Deny"), std::nullopt);
  EXPECT_EQ(parseDefaultPolicy(""), std::nullopt);
}

TEST(Posture, NodeDefaultExceptsSystemNamespaces) {
  const Posture deny{DefaultPolicy::Deny, {"kube-system"}};
  EXPECT_EQ(isolationOf(deny, ns("shop")), "Ingress Egress ");
  EXPECT_EQ(isolationOf(deny, ns("kube-system")), "open");
  EXPECT_EQ(isolationOf({DefaultPolicy::DenyIngress, {}}, ns("shop")), "Ingress ");
  EXPECT_EQ(isolationOf({}, ns("shop")), "open");
}

TEST(Posture, NamespaceLabelTakesPrecedence) {
  EXPECT_EQ(isolationOf({}, ns("shop", "deny")), "Ingress Egress ");
  EXPECT_EQ(isolationOf({}, ns("shop", "deny-ingress")), "Ingress ");
  EXPECT_EQ(isolationOf({DefaultPolicy::Deny, {}}, ns("shop", "allow")), "open");
  EXPECT_EQ(isolationOf({DefaultPolicy::Deny, {"kube-system"}}, ns("kube-system", "deny-ingress")),
            "Ingress ");
}

TEST(Posture, AnUnknownLabelDenies) {
  EXPECT_EQ(isolationOf({}, ns("shop", "Allow")), "Ingress Egress ");
  EXPECT_TRUE(hasUnknownDefaultPolicy(ns("shop", "")));
  EXPECT_FALSE(hasUnknownDefaultPolicy(ns("shop", "allow")));
  EXPECT_FALSE(hasUnknownDefaultPolicy(ns("shop")));
}

}  // namespace
}  // namespace kpol::policy
