// SPDX-License-Identifier: Apache-2.0
// That the kernel, and tc(8), read shaping as it is meant.
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace kpol::netlink {
namespace {

using testing::HasSubstr;

class Shaping : public NodeAndPod {
 protected:
  const base::IfIndex link_ = addUpVeth();

  base::IfIndex addUpIfb() {
    EXPECT_TRUE(socket_.addIfb(ifName("kpbw0"), "c eth0 n shop/web"));
    const auto index = socket_.findLink(ifName("kpbw0")).value().index;
    socket_.setUp(index);
    return index;
  }
};

TEST_F(Shaping, TokenBucketIsReadBackAndReplaced) {
  EXPECT_EQ(socket_.shaping(link_), std::nullopt);
  socket_.shape(link_, {1'250'000, 100'000, 131'250});
  EXPECT_EQ(socket_.shaping(link_), (TokenBucket{1'250'000, 0, 131'250}));
  const auto text = output("tc qdisc show dev kpol0");
  EXPECT_THAT(text, HasSubstr("tbf"));
  EXPECT_THAT(text, HasSubstr("root"));
  EXPECT_THAT(text, HasSubstr("rate 10Mbit"));
  // The kernel stores it in ticks of 64 ns, so 100000 bytes may be returned as slightly fewer.
  EXPECT_THAT(text, testing::AnyOf(HasSubstr("burst 100000b"), HasSubstr("burst 99999b"),
                                   HasSubstr("burst 99998b")));
  socket_.shape(link_, {5'000'000'000, 4'000'000, 4'294'967'295});
  EXPECT_EQ(socket_.shaping(link_), (TokenBucket{5'000'000'000, 0, 4'294'967'295}));
  EXPECT_THAT(output("tc qdisc show dev kpol0"), HasSubstr("rate 40Gbit"));
}

TEST_F(Shaping, AcceptsBurstsBeyondTheTickRange) {
  // The burst that runtimes request for a pod with a rate and no burst: 2^32 - 1 bits.
  socket_.shape(link_, {125, 536'870'911, 131'075});
  EXPECT_EQ(socket_.shaping(link_), (TokenBucket{125, 0, 131'075}));
}

TEST_F(Shaping, ZeroBurstIsRejected) {
  EXPECT_THROW(socket_.shape(link_, {125, 0, 1000}), Error);
  EXPECT_EQ(socket_.shaping(link_), std::nullopt);
}

TEST_F(Shaping, RedirectsReceivedPackets) {
  EXPECT_EQ(socket_.ingressRedirect(link_), std::nullopt);
  const auto ifb = addUpIfb();
  socket_.redirectIngress(link_, ifb);
  EXPECT_EQ(socket_.ingressRedirect(link_), ifb);
  const auto text = output("tc filter show dev kpol0 parent ffff:");
  EXPECT_THAT(text, HasSubstr("protocol all"));
  EXPECT_THAT(text, HasSubstr("match 00000000/00000000 at 0"));
  EXPECT_THAT(text, HasSubstr("Egress Redirect to device kpbw0"));
  EXPECT_TRUE(socket_.deleteLink(ifb));
  EXPECT_NE(socket_.ingressRedirect(link_), ifb);
}

TEST_F(Shaping, IfbHasItsNameAndAlias) {
  const auto index = addUpIfb();
  const auto link = socket_.findLink(index).value();
  EXPECT_EQ(link.kind, "ifb");
  EXPECT_EQ(link.alias, "c eth0 n shop/web");
  EXPECT_FALSE(socket_.addIfb(ifName("kpbw0"), ""));
}

}  // namespace
}  // namespace kpol::netlink
