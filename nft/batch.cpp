// SPDX-License-Identifier: Apache-2.0
#include "nft/batch.hpp"

#include "base/error.hpp"

#include <libnftnl/common.h>
#include <linux/netfilter.h>

namespace kpol::nft {
namespace {

constexpr std::size_t kHeaderRoom = 64;  // more than nlmsghdr and nfgenmsg need

char* chars(std::uint8_t* bytes) {
  return reinterpret_cast<char*>(bytes);
}

}  // namespace

Batch::Batch() : bytes_(kHeaderRoom) {
  bytes_.resize(nftnl_batch_begin(chars(bytes_.data()), 0)->nlmsg_len);
}

nlmsghdr* Batch::at(std::size_t offset) {
  return reinterpret_cast<nlmsghdr*>(bytes_.data() + offset);
}

const nlmsghdr* Batch::at(std::size_t offset) const {
  return reinterpret_cast<const nlmsghdr*>(bytes_.data() + offset);
}

void Batch::append(Kind kind, std::size_t room, const std::function<void(nlmsghdr*)>& fill) {
  const std::size_t offset = bytes_.size();
  bytes_.resize(offset + kHeaderRoom + room);
  nlmsghdr* header =
      nftnl_nlmsg_build_hdr(chars(bytes_.data() + offset), kind.type, NFPROTO_INET, kind.flags, 0);
  fill(header);
  base::expects(header->nlmsg_len <= kHeaderRoom + room, "a message fits its buffer");
  bytes_.resize(offset + MNL_ALIGN(header->nlmsg_len));
  messages_.push_back({offset, origin_});
}

std::span<const std::uint8_t> Batch::seal(const std::function<std::uint32_t()>& nextSequence) {
  base::expects(!messages_.empty(), "a batch has messages");
  at(messages_.back().offset)->nlmsg_flags |= NLM_F_ACK;
  at(0)->nlmsg_seq = nextSequence();
  for (const Place& place : messages_) at(place.offset)->nlmsg_seq = nextSequence();
  const std::size_t end = bytes_.size();
  bytes_.resize(end + kHeaderRoom);
  bytes_.resize(end + nftnl_batch_end(chars(bytes_.data() + end), nextSequence())->nlmsg_len);
  return bytes_;
}

std::uint32_t Batch::firstSequence() const {
  return at(0)->nlmsg_seq;
}

std::uint32_t Batch::lastSequence() const {
  return at(messages_.back().offset)->nlmsg_seq;
}

Batch::Message Batch::find(std::uint32_t sequence) const {
  for (std::size_t i = 0; i < messages_.size(); ++i) {
    const nlmsghdr* header = at(messages_[i].offset);
    if (header->nlmsg_seq == sequence) return {messages_[i].origin, header, i};
  }
  return {};
}

}  // namespace kpol::nft
