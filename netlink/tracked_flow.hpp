// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// Parses conntrack entries. No I/O.
namespace kpol::netlink {

// The labels of a conntrack entry, as the kernel's array of bits (nf_conntrack_labels.h).
using FlowLabels = std::array<std::uint8_t, 16>;
// The labels with only this bit (0..127) set.
FlowLabels labelsWithBit(std::uint8_t bit);

struct TrackedFlow {
  // One direction. In the original direction, `source` is the initiator. In the reply direction,
  // `source` is the responder: the destination after destination NAT.
  struct Tuple {
    std::optional<base::IpAddress> source;
    std::optional<base::IpAddress> destination;
    std::uint8_t protocol = 0;
    std::uint16_t sourcePort = 0;
    std::uint16_t destinationPort = 0;
    bool operator==(const Tuple&) const = default;
  };
  Tuple original;
  Tuple reply;
  std::uint32_t status = 0;  // bits IPS_*
  FlowLabels labels{};       // zero also if the entry has no space for labels
  // Identify the entry in requests, or are copied to another entry; bytes as the kernel sent them.
  std::uint8_t family = 0;
  std::vector<std::uint8_t> name;          // CTA_TUPLE_ORIG
  std::vector<std::uint8_t> replyName;     // CTA_TUPLE_REPLY
  std::vector<std::uint8_t> zone;          // CTA_ZONE; empty: none
  std::vector<std::uint8_t> id;            // CTA_ID: detects an entry that was replaced
  std::vector<std::uint8_t> timeout;       // CTA_TIMEOUT
  std::vector<std::uint8_t> protocolInfo;  // CTA_PROTOINFO; empty: none
  bool operator==(const TrackedFlow&) const = default;

  [[nodiscard]] bool hasLabel(std::uint8_t bit) const;
  // Another flow announced this one (a conntrack helper expected it).
  [[nodiscard]] bool isExpected() const;
  // The tuples differ as after NAT, but the entry does not translate packets.
  [[nodiscard]] bool lacksTranslation() const;
};

// Parses the payload of an IPCTNL_MSG_CT_NEW. Throws Error with EBADMSG.
TrackedFlow parseTrackedFlow(std::span<const std::uint8_t> payload);

}  // namespace kpol::netlink
