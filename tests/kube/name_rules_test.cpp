// SPDX-License-Identifier: Apache-2.0
#include "kube/name_rules.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kpol::kube {
namespace {

using Rule = Flaw (*)(std::string_view);

void checkRule(Rule rule, const std::vector<std::string>& good,
               const std::vector<std::string>& bad) {
  for (const auto& text : good) EXPECT_EQ(rule(text), std::nullopt) << '"' << text << '"';
  for (const auto& text : bad) EXPECT_NE(rule(text), std::nullopt) << '"' << text << '"';
}

std::string repeated(char c, std::size_t count) {
  return std::string(count, c);
}

TEST(NameRules, NamespaceNamesAreDnsLabels) {
  checkRule(dnsLabelFlaw, {"a", "0", "shop", "kube-system", "a--b", "1st", repeated('x', 63)},
            {"", "A", "a.b", "a_b", "-a", "a-", "a b", "ä", "a/b", repeated('x', 64)});
}

TEST(NameRules, OtherNamesAreDnsSubdomains) {
  checkRule(dnsSubdomainFlaw, {"a", "a.b", "web-0.example.com", repeated('x', 253)},
            {"", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "A.b", "a_b", repeated('x', 254)});
}

TEST(NameRules, LabelKeysAreQualifiedNames) {
  checkRule(qualifiedNameFlaw,
            {"app", "App_1", "a.b", "kubernetes.io/metadata.name", repeated('x', 63),
             repeated('p', 253) + "/" + repeated('x', 63)},
            {"", "/app", "a/", "a/b/c", "-a", "a-", "A.io/x", "a b", "ä", repeated('x', 64),
             repeated('p', 254) + "/x"});
}

TEST(NameRules, LabelValuesMayBeEmpty) {
  checkRule(labelValueFlaw, {"", "a", "A", "1.2_3-x", repeated('x', 63)},
            {"-", "a-", "_a", "a b", "a/b", "ä", "a\n", repeated('x', 64)});
}

TEST(NameRules, PortNamesAreServiceNames) {
  checkRule(portNameFlaw, {"http", "a", "8a", "h2-c", repeated('x', 15)},
            {"", "80", "Http", "a--b", "-a", "a-", "a.b", "a_b", repeated('x', 16)});
}

}  // namespace
}  // namespace kpol::kube
