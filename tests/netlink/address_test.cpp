// SPDX-License-Identifier: Apache-2.0
#include "netlink/address.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace kpol::netlink {
namespace {

Bytes addressHeader(int family, int length, int flags, unsigned index) {
  return raw(ifaddrmsg{.ifa_family = static_cast<std::uint8_t>(family),
                       .ifa_prefixlen = static_cast<std::uint8_t>(length),
                       .ifa_flags = static_cast<std::uint8_t>(flags),
                       .ifa_scope = 0,
                       .ifa_index = index});
}

struct AddressCase {
  int family;
  std::string address;
  std::uint8_t length;
};

class AddressBytes : public testing::TestWithParam<AddressCase> {
 protected:
  [[nodiscard]] Address address(bool noDad) const {
    return {base::IfIndex{7}, ip(GetParam().address), GetParam().length, noDad};
  }
  [[nodiscard]] Bytes own() const { return copy(ip(GetParam().address).bytes()); }
  [[nodiscard]] Bytes head(int flags) const {
    return addressHeader(GetParam().family, GetParam().length, flags, 7);
  }
};

TEST_P(AddressBytes, AreEncodedAsLocalAndAddress) {
  const auto both = join(attribute(IFA_LOCAL, own()), attribute(IFA_ADDRESS, own()));
  EXPECT_EQ(copy(encode(Verb::Add, address(true)).bytes()),
            message({RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
                    join(head(IFA_F_NODAD), both)));
  EXPECT_EQ(copy(encode(Verb::Delete, address(false)).bytes()),
            message({RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK}, join(head(0), both)));
}

TEST_P(AddressBytes, AreReadWithOrWithoutLocal) {
  const auto onlyAddress = attribute(IFA_ADDRESS, own());
  EXPECT_EQ(parseAddress(join(head(0), onlyAddress)), address(false));
  const auto farEnd = attribute(IFA_ADDRESS, zeros(own().size()));
  EXPECT_EQ(parseAddress(join(head(0), farEnd, attribute(IFA_LOCAL, own()))), address(false));
}

TEST_P(AddressBytes, FlagsAttributeOverridesTheHeader) {
  const auto given = attribute(IFA_ADDRESS, own());
  EXPECT_EQ(parseAddress(join(head(IFA_F_NODAD), given)), address(true));
  EXPECT_EQ(parseAddress(join(head(0), given, u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE))),
            address(true));
  EXPECT_EQ(parseAddress(join(head(IFA_F_NODAD), given, u32(IFA_FLAGS, IFA_F_PERMANENT))),
            address(false));
}

TEST_P(AddressBytes, MalformedAddressesAreRejected) {
  const auto given = attribute(IFA_ADDRESS, own());
  for (const auto& bytes :
       {Bytes{}, zeros(7), head(0), join(head(0), attribute(IFA_ADDRESS, zeros(5))),
        join(head(0), attribute(IFA_LOCAL, {})), join(head(0), given, attribute(IFA_FLAGS, {1})),
        join(head(0), given, Bytes{5, 0, 9, 0})}) {
    try {
      parseAddress(bytes);
      ADD_FAILURE() << "was read: " << testing::PrintToString(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), EBADMSG);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, AddressBytes,
                         testing::Values(AddressCase{AF_INET, "10.244.1.5", 32},
                                         AddressCase{AF_INET6, "fd00:10::5", 128}));

TEST(ParseAddress, OtherFamiliesAreIgnored) {
  EXPECT_EQ(parseAddress(addressHeader(AF_PHONET, 0, 0, 7)), std::nullopt);
}

TEST(EncodeDumpAddresses, FiltersByLinkInTheHeader) {
  EXPECT_EQ(copy(encodeDumpAddresses(std::nullopt).bytes()),
            message({RTM_GETADDR, NLM_F_REQUEST}, addressHeader(AF_UNSPEC, 0, 0, 0)));
  EXPECT_EQ(copy(encodeDumpAddresses(base::IfIndex{7}).bytes()),
            message({RTM_GETADDR, NLM_F_REQUEST}, addressHeader(AF_UNSPEC, 0, 0, 7)));
}

}  // namespace
}  // namespace kpol::netlink
