// SPDX-License-Identifier: Apache-2.0
#include "nft/rejection.hpp"

#include "netlink/parse.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cstring>
#include <span>

namespace kpol::nft {
namespace {

constexpr std::size_t kElementsInWords = 4;

bool hasElements(const Change& change) {
  return std::holds_alternative<AddElements>(change) ||
         std::holds_alternative<DeleteElements>(change);
}

bool endsRange(netlink::Attributes element) {
  while (const auto attribute = element.next())
    if (attribute->type == NFTA_SET_ELEM_FLAGS)
      return (ntohl(attribute->u32()) & NFT_SET_ELEM_INTERVAL_END) != 0;
  return false;
}

// The index of the message's element that contains the attribute at `offset`.
std::optional<std::size_t> elementAt(const nlmsghdr* message, std::size_t offset) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(message);
  const std::size_t header = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
  netlink::Attributes attributes(std::span(start, message->nlmsg_len).subspan(header));
  while (const auto list = attributes.next()) {
    if (list->type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    auto elements = list->nested();
    std::size_t before = 0;  // elements so far; the end of a range is part of its element
    while (const auto element = elements.next()) {
      if (!endsRange(element->nested())) ++before;
      const auto* end = element->payload.data() + element->payload.size();
      if (before > 0 && offset < static_cast<std::size_t>(end - start)) return before - 1;
    }
  }
  return std::nullopt;
}

// Describes the change: the rejected element if the kernel reported it, all elements if they are
// few, else their number.
template <class Elements>
std::string elementWords(const Elements& change, const std::optional<std::size_t>& element,
                         const Refused& refused) {
  const auto declaration = refused.declarations.find(change.set);
  const bool typed = declaration != refused.declarations.end() && !declaration->second.key.empty();
  Elements narrowed = change;
  if (element && *element < change.elements.size()) narrowed.elements = {change.elements[*element]};
  if (typed && narrowed.elements.size() <= kElementsInWords) {
    Ruleset context;
    context.table = refused.changes.table;
    context.add(declaration->second);
    return toString(narrowed, context);
  }
  const bool adds = std::is_same_v<Elements, AddElements>;
  return std::string(adds ? "add" : "delete") + " element inet " + refused.changes.table + " " +
         change.set + " (" + std::to_string(change.elements.size()) + " elements)";
}

std::string wordsOf(const Change& change, const std::optional<std::size_t>& element,
                    const Refused& refused) {
  if (const auto* added = std::get_if<AddElements>(&change))
    return elementWords(*added, element, refused);
  if (const auto* deleted = std::get_if<DeleteElements>(&change))
    return elementWords(*deleted, element, refused);
  Ruleset context;
  context.table = refused.changes.table;
  return toString(change, context);
}

std::string reasonOf(const MessageRefusal& refusal) {
  const std::string reason = std::strerror(refusal.code);
  return refusal.extack.empty() ? reason : reason + " (" + refusal.extack + ")";
}

}  // namespace

Rejected describe(const MessageRefusal& refusal, const Refused& refused) {
  const Batch::Message message = refused.batch.find(refusal.sequence);
  if (message.header == nullptr)
    return {std::nullopt, refusal.code,
            "commit of " + std::to_string(refused.changes.changes.size()) +
                " changes to table inet " + refused.changes.table + ": " + reasonOf(refusal)};
  const Change& change = refused.changes.changes[message.origin.change];
  std::optional<std::size_t> element;
  if (refusal.offset && hasElements(change)) element = elementAt(message.header, *refusal.offset);
  if (element) *element += message.origin.firstElement;
  return {message.origin.change, refusal.code,
          wordsOf(change, element, refused) + ": " + reasonOf(refusal)};
}

}  // namespace kpol::nft
