// SPDX-License-Identifier: Apache-2.0
#include "tests/nft/kernel_fixture.hpp"

#include "nft/diff.hpp"
#include "tests/support/nft_text.hpp"
#include "tests/support/process.hpp"

#include <regex>

namespace kpol::test {
namespace {

ProcessResult nftResult(const std::vector<std::string>& arguments, const std::string& input = {}) {
  std::vector<std::string> argv{"nft"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run(argv, input);
}

}  // namespace

std::string nftOutput(const std::vector<std::string>& arguments, const std::string& input) {
  const auto result = nftResult(arguments, input);
  EXPECT_EQ(result.status, 0) << result.err;
  return result.out;
}

bool nftSucceeds(const std::vector<std::string>& arguments) {
  return nftResult(arguments).status == 0;
}

std::string listTable() {
  static const std::regex kOwner(" # progname [^\n]*\n\tflags [^\n]*\n\n?");
  return comparable(std::regex_replace(nftOutput({"list", "table", "inet", "kpol"}), kOwner, "\n"));
}

void commit(nft::Kernel& kernel, const nft::ChangeSet& changes) {
  const auto outcome = kernel.commit(changes);
  const auto* rejected = std::get_if<nft::Rejected>(&outcome);
  ASSERT_EQ(rejected, nullptr) << rejected->message;
}

void commit(nft::Kernel& kernel, const nft::Ruleset& to) {
  commit(kernel, nft::diff(kernel.readBack(), to));
}

nft::Rejected refuse(nft::Kernel& kernel, std::vector<nft::Change> changes) {
  const auto outcome = kernel.commit({"kpol", std::move(changes)});
  const auto* rejected = std::get_if<nft::Rejected>(&outcome);
  EXPECT_NE(rejected, nullptr) << "not rejected";
  return rejected == nullptr ? nft::Rejected{} : *rejected;
}

void KernelTest::TearDown() {
  // The test's own sockets are closed by now, so the table has no owner.
  nftSucceeds({"delete", "table", "inet", "kpol"});
  EXPECT_EQ(nftOutput({"list", "ruleset"}), "");
}

}  // namespace kpol::test
