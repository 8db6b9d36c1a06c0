// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/kernel.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kpol::test {

// Returns the output of stock nft; fails the test if nft fails.
std::string nftOutput(const std::vector<std::string>& arguments, const std::string& input = {});
// Whether nft could do it.
bool nftSucceeds(const std::vector<std::string>& arguments);

// `nft list table inet kpol` without what an owner adds to it.
std::string listTable();

// Commits; fails the test if the kernel rejects it.
void commit(nft::Kernel& kernel, const nft::ChangeSet& changes);
// Turns the table from what it is into `to`.
void commit(nft::Kernel& kernel, const nft::Ruleset& to);
// Commits changes that must be rejected.
nft::Rejected refuse(nft::Kernel& kernel, std::vector<nft::Change> changes);

// Tests with the table `inet kpol`, which is gone when each of them is over.
class KernelTest : public testing::Test {
 protected:
  void TearDown() override;
};

}  // namespace kpol::test
