// SPDX-License-Identifier: Apache-2.0
#include "netlink/address.hpp"

#include "netlink/error.hpp"
#include "netlink/family.hpp"
#include "netlink/parse.hpp"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace kpol::netlink {

Message encode(Verb verb, const Address& address) {
  Message message = Message::forObject(RTM_NEWADDR, verb);
  ifaddrmsg header{};
  header.ifa_family = toKernel(address.address.family());
  header.ifa_prefixlen = address.prefixLength;
  header.ifa_flags = address.noDad ? IFA_F_NODAD : 0;
  header.ifa_index = static_cast<std::uint32_t>(address.link.value);
  message.putHeader(header);
  // IPv4 needs both attributes. They are equal unless the link is point-to-point (rtnetlink(7)).
  message.put(IFA_LOCAL, address.address);
  message.put(IFA_ADDRESS, address.address);
  if (address.deprecated && verb != Verb::Delete) {
    constexpr std::uint32_t kForever = 0xFFFFFFFF;
    const ifa_cacheinfo lifetimes{
        .ifa_prefered = 0, .ifa_valid = kForever, .cstamp = 0, .tstamp = 0};
    message.put(IFA_CACHEINFO,
                std::span(reinterpret_cast<const std::uint8_t*>(&lifetimes), sizeof(lifetimes)));
  }
  return message;
}

Message encodeDumpAddresses(std::optional<base::IfIndex> link) {
  Message message(RTM_GETADDR, 0);
  ifaddrmsg header{};
  header.ifa_family = AF_UNSPEC;
  if (link) header.ifa_index = static_cast<std::uint32_t>(link->value);
  message.putHeader(header);
  return message;
}

std::optional<Address> parseAddress(std::span<const std::uint8_t> payload) {
  const auto header = cutHeader<ifaddrmsg>(payload);
  if (!fromKernel(header.ifa_family)) return std::nullopt;
  std::optional<base::IpAddress> local;
  std::optional<base::IpAddress> other;
  std::uint32_t flags = header.ifa_flags;
  Attributes attributes(payload);
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case IFA_LOCAL: local = attribute->address(); break;
      case IFA_ADDRESS: other = attribute->address(); break;
      case IFA_FLAGS: flags = attribute->u32(); break;
      default: break;
    }
  }
  // On a point-to-point link, IFA_ADDRESS is the peer's address. IPv6 sends IFA_LOCAL only for such
  // links.
  const auto& own = local ? local : other;
  if (!own) throw Error("parse an address: none in the message", EBADMSG);
  return Address{.link = base::IfIndex{static_cast<std::int32_t>(header.ifa_index)},
                 .address = *own,
                 .prefixLength = header.ifa_prefixlen,
                 .noDad = (flags & IFA_F_NODAD) != 0,
                 .deprecated = (flags & IFA_F_DEPRECATED) != 0};
}

}  // namespace kpol::netlink
