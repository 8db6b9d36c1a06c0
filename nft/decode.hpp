// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "nft/counter_value.hpp"
#include "nft/ruleset.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Private to nft/: decodes the kernel's dumps into values. Pure. Sets, elements and statements that
// this version does not know become values that no compiled ruleset contains, so they differ and
// are replaced. Malformed messages throw netlink::Error with EBADMSG. The payload of a message must
// still follow its header in the datagram, because libnftnl parses both.
namespace kpol::nft {

// A chain without its rules. A base chain of an unknown hook or type is returned as a regular
// chain.
Chain decodeChain(const netlink::MessageView& message);

// A set without its elements. Returns nullopt for the anonymous sets of rules. `key` is empty if
// the set has unknown types or flags.
std::optional<Set> decodeSet(const netlink::MessageView& message);

// The name of a counter.
std::string decodeCounter(const netlink::MessageView& message);
CounterValue decodeCounterValue(const netlink::MessageView& message);

struct RuleOfChain {
  std::string chain;
  Rule rule;
};
RuleOfChain decodeRule(const netlink::MessageView& message);

// Collects the elements of one set from the messages of its dump. Ignores a catch-all element.
class ElementDecoder {
 public:
  explicit ElementDecoder(const Set& declaration) : set_(declaration) {}
  void read(const netlink::MessageView& message);
  // Discards the elements, for a dump that is restarted.
  void forget();
  // The elements, sorted and unique. Joins the two elements that the kernel stores for a range.
  std::vector<Element> finish();

 private:
  void readElement(netlink::Attributes attributes);

  const Set& set_;
  std::vector<Element> elements_;
  std::vector<Key> rangeEnds_;  // the first key after each range
};

// The message's attributes, after its struct nfgenmsg.
netlink::Attributes attributesOf(const netlink::MessageView& message);

// A string attribute of the message; empty if missing.
std::string_view textAttribute(const netlink::MessageView& message, std::uint16_t type);

// The text that nft stores under `type` in an object's userdata; empty if missing.
std::string userdataText(std::span<const std::uint8_t> userdata, std::uint8_t type);

}  // namespace kpol::nft
