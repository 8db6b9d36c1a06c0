// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "nft/counter_value.hpp"
#include "nft/ruleset.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Private to nft/: what the kernel's dumps say, as values. Pure. What this version does not know
// becomes a value that no compiled ruleset has, so that it differs and gets replaced. Malformed
// messages throw netlink::Error with EBADMSG. Messages must be where the kernel put them: in a
// datagram, after their header.
namespace kpol::nft {

// A chain without its rules. A base chain of a hook or type that we do not have is taken for a
// regular one.
Chain decodeChain(const netlink::MessageView& message);

// A set without its elements; nothing for the anonymous sets of rules. A set of types or flags that
// we do not have has no key types.
std::optional<Set> decodeSet(const netlink::MessageView& message);

// The name of a counter.
std::string decodeCounter(const netlink::MessageView& message);
CounterValue decodeCounterValue(const netlink::MessageView& message);

struct RuleOfChain {
  std::string chain;
  Rule rule;
};
RuleOfChain decodeRule(const netlink::MessageView& message);

// Gathers the elements of one set from the messages of its dump.
class ElementDecoder {
 public:
  explicit ElementDecoder(const Set& declaration) : set_(declaration) {}
  void read(const netlink::MessageView& message);
  // For a dump that starts again.
  void forget();
  // Sorted, unique, the two elements that the kernel keeps of a range joined.
  std::vector<Element> finish();

 private:
  void readElement(netlink::Attributes attributes);

  const Set& set_;
  std::vector<Element> elements_;
  std::vector<Key> rangeEnds_;  // the keys past the ranges
};

// The message's attributes, past its struct nfgenmsg.
netlink::Attributes attributesOf(const netlink::MessageView& message);

// A message's string attribute; empty where it has none.
std::string_view textAttribute(const netlink::MessageView& message, std::uint16_t type);

// The text that nft keeps under `type` in an object's userdata; empty where it has none.
std::string userdataText(std::span<const std::uint8_t> userdata, std::uint8_t type);

}  // namespace kpol::nft
