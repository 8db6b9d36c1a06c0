// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"

#include <gtest/gtest.h>

namespace kpol::kpolctl {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({"NAME", "SIZE"});
  table.add({"a", "1"});
  table.add({"a-long-name", ""});
  EXPECT_EQ(table.print("none"),
            "NAME          SIZE\n"
            "a             1\n"
            "a-long-name   -\n");
}

TEST(Table, WithoutRowsPrintsTheMessage) {
  EXPECT_EQ(Table({"NAME"}).print("No pods."), "No pods.\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table({"NAME", "X"});
  table.add({"größe", "1"});
  table.add({"abcde", "2"});
  EXPECT_EQ(table.print(""),
            "NAME    X\n"
            "größe   1\n"
            "abcde   2\n");
}

TEST(TableDeathTest, RowOfWrongLengthIsABug) {
  Table table({"A", "B"});
  EXPECT_DEATH(table.add({"1"}), "one cell for each column");
}

TEST(Fields, ValuesAreAligned) {
  Fields fields;
  fields.add("Pod", "shop/web");
  fields.add("Addresses", std::vector<std::string>{"10.0.0.1", "fd00::1"});
  fields.add("UID", "");
  fields.add("Chains", std::vector<std::string>{});
  EXPECT_EQ(fields.print(),
            "Pod         shop/web\n"
            "Addresses   10.0.0.1\n"
            "            fd00::1\n"
            "UID         -\n"
            "Chains      -\n");
}

TEST(Joined, SeparatesByCommas) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"a"}), "a");
  EXPECT_EQ(joined({"a", "b"}), "a, b");
}

}  // namespace
}  // namespace kpol::kpolctl
