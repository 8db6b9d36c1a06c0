// SPDX-License-Identifier: Apache-2.0
#include "controller/denied_packets.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using policy::Denial;
using Cause = Denial::Cause;

TEST(DeniedPackets, AreSummedByCause) {
  DeniedPackets denied;
  EXPECT_EQ(denied.of(Cause::Ingress), 0U);
  denied.take({{"in-a-1", 5, 500},
               {"in-b-1", 2, 200},
               {"eg-a-1", 3, 1},
               {"metadata-guard", 4, 1},
               {"revoked", 6, 1},
               {"unknown-endpoint", 7, 1},
               {"other", 100, 1}});
  EXPECT_EQ(denied.of(Cause::Ingress), 7U);
  EXPECT_EQ(denied.of(Cause::Egress), 3U);
  EXPECT_EQ(denied.of(Cause::Metadata), 4U);
  EXPECT_EQ(denied.of(Cause::Revoked), 6U);
  EXPECT_EQ(denied.of(Cause::UnknownEndpoint), 7U);
}

TEST(DeniedPackets, NeverDecreaseWhenCountersAreDeletedOrReset) {
  DeniedPackets denied;
  denied.take({{"in-a-1", 5, 0}, {"in-b-1", 2, 0}});
  denied.take({{"in-a-1", 8, 0}});
  EXPECT_EQ(denied.of(Cause::Ingress), 10U);
  denied.take({});
  EXPECT_EQ(denied.of(Cause::Ingress), 10U);
  denied.take({{"in-a-1", 1, 0}});
  EXPECT_EQ(denied.of(Cause::Ingress), 11U);
  denied.take({{"in-a-1", 4, 0}});
  denied.take({{"in-a-1", 3, 0}});  // deleted and recreated between two reads
  EXPECT_EQ(denied.of(Cause::Ingress), 17U);
}

TEST(DeniedPackets, ProfilesWithMostPacketsAreFirst) {
  DeniedPackets denied;
  denied.take(
      {{"in-a-1", 5, 0}, {"in-b-1", 0, 0}, {"eg-c-1", 9, 0}, {"revoked", 50, 0}, {"in-d-1", 5, 0}});
  const std::vector<DeniedPackets::OfProfile> expected{{{Cause::Egress, "eg-c-1"}, 9},
                                                       {{Cause::Ingress, "in-a-1"}, 5}};
  EXPECT_EQ(denied.worst(2), expected);
  EXPECT_EQ(denied.worst(100).size(), 3U);
}

}  // namespace
}  // namespace kpol::controller
