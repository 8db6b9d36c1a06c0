// SPDX-License-Identifier: Apache-2.0
// print() against what stock nft lists after loading that very text. The texts are those of
// nft 1.0.6 (Debian 12) and were not compared with other versions; the order of concatenated
// elements and of names is the one of little-endian machines.
#include "nft/print.hpp"
#include "tests/nft/set_cases.hpp"
#include "tests/nft/values.hpp"
#include "tests/nft/worked_example.hpp"
#include "tests/support/nft_text.hpp"
#include "tests/support/process.hpp"
#include "tests/support/random_ruleset.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::test {
namespace {

// Loads the text into the namespace of this test program and lists what came of it.
std::string listed(const std::string& text) {
  const ProcessResult loaded = run({"nft", "-f", "-"}, text);
  if (loaded.status != 0) return "nft -f: " + loaded.err;
  const ProcessResult list = run({"nft", "list", "table", "inet", "kpol"});
  const ProcessResult removed = run({"nft", "delete", "table", "inet", "kpol"});
  return list.status == 0 && removed.status == 0 ? comparable(list.out)
                                                 : "nft list: " + list.err + removed.err;
}

TEST(PrintKernel, WorkedExampleIsListedAsPrinted) {
  EXPECT_EQ(listed(print(workedExample())), comparable(std::string(kWorkedExampleText)));
}

TEST(PrintKernel, EveryKindOfSetIsListedAsPrinted) {
  nft::Ruleset table;
  for (nft::Set set : setCases()) {
    set.name = "a-" + set.name;  // nft cannot read back names that are words of its own
    table.add(set);
  }
  table.add(nft::Chain{"other", {}, {}});
  EXPECT_EQ(listed(print(table)), comparable(print(table)));
}

TEST(PrintKernel, EveryProtocolAndIcmpTypeIsListedAsPrinted) {
  nft::Ruleset table;
  for (const auto type : {nft::DataType::InetProto, nft::DataType::Icmpv6Type}) {
    nft::Set set;
    set.name = "all-" + std::string(typeName(type));
    set.key = {type};
    for (unsigned value = 0; value < 256; ++value)
      set.elements.push_back(nft::element(byte(value)));
    table.add(set);
  }
  EXPECT_EQ(listed(print(table)), comparable(print(table)));
}

TEST(PrintKernel, RandomRulesetsAreListedAsPrinted) {
  Random random(seedOfThisRun());
  int compared = 0;
  for (int i = 0; i < 250; ++i) {
    const std::string text = print(randomRuleset(random));
    const std::string result = listed(text);
    // nft 1.1 rejects some unusual matches that 1.0.6 accepts.
    if (isNewerNft() && result.starts_with("nft -f:")) continue;
    ASSERT_EQ(result, comparable(text)) << "the table numbered " << i;
    ++compared;
  }
  EXPECT_GE(compared, isNewerNft() ? 100 : 250);
}

}  // namespace
}  // namespace kpol::test
