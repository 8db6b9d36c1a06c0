// SPDX-License-Identifier: Apache-2.0
#include "nft/decode.hpp"
#include "nft/handles.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/key_arithmetic.hpp"
#include "nft/shape.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cstring>

namespace kpol::nft {
namespace {

constexpr std::uint32_t kOurFlags = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONCAT;

std::string commentOf(const nftnl_set* set) {
  std::uint32_t length = 0;
  const void* bytes = nftnl_set_get_data(set, NFTNL_SET_USERDATA, &length);
  if (bytes == nullptr) return {};
  return userdataText({static_cast<const std::uint8_t*>(bytes), length}, NFTNL_UDATA_SET_COMMENT);
}

// Returns nullopt if a type is unknown or the key does not fit into a Key.
std::optional<std::vector<DataType>> typesOf(const nftnl_set* set, std::uint16_t typeAttribute,
                                             std::uint16_t lengthAttribute) {
  auto types = keyTypes(nftnl_set_get_u32(set, typeAttribute));
  if (!types) return std::nullopt;
  const std::size_t length = lengthOf(*types);
  if (length != nftnl_set_get_u32(set, lengthAttribute) || length > Key::kCapacity)
    return std::nullopt;
  return types;
}

// Returns false if a type is unknown.
bool readTypes(const nftnl_set* parsed, std::uint32_t flags, Set& set) {
  const auto key = typesOf(parsed, NFTNL_SET_KEY_TYPE, NFTNL_SET_KEY_LEN);
  if (!key) return false;
  set.key = *key;
  if ((flags & NFT_SET_MAP) == 0) return true;
  if (nftnl_set_get_u32(parsed, NFTNL_SET_DATA_TYPE) == NFT_DATA_VERDICT) {
    set.kind = Set::Kind::VerdictMap;
    return true;
  }
  const auto value = typesOf(parsed, NFTNL_SET_DATA_TYPE, NFTNL_SET_DATA_LEN);
  set.kind = Set::Kind::Map;
  if (value) set.value = *value;
  return value.has_value();
}

}  // namespace

std::optional<Set> decodeSet(const netlink::MessageView& message) {
  const auto parsed = allocated<SetPtr>(nftnl_set_alloc());
  parse(nftnl_set_nlmsg_parse, message, parsed.get());
  const std::uint32_t flags = nftnl_set_get_u32(parsed.get(), NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_ANONYMOUS) != 0) return std::nullopt;
  Set set;
  set.name = nftnl_set_get_str(parsed.get(), NFTNL_SET_NAME);
  set.interval = (flags & NFT_SET_INTERVAL) != 0;
  const std::uint32_t size = nftnl_set_get_u32(parsed.get(), NFTNL_SET_DESC_SIZE);
  if (size != 0) set.size = size;
  set.comment = commentOf(parsed.get());
  const bool ours = (flags & ~kOurFlags) == 0 && readTypes(parsed.get(), flags, set);
  if (!ours) set.key.clear();
  return set;
}

namespace {

std::optional<Key> keyIn(netlink::Attributes data) {
  while (const auto attribute = data.next())
    if (attribute->type == NFTA_DATA_VALUE && attribute->payload.size() <= Key::kCapacity)
      return Key(attribute->payload);
  return std::nullopt;
}

std::optional<Verdict> verdictIn(netlink::Attributes attributes) {
  Verdict verdict;
  std::optional<Verdict::Kind> kind;
  while (const auto attribute = attributes.next()) {
    if (attribute->type == NFTA_VERDICT_CODE)
      kind = verdictKind(static_cast<std::int32_t>(ntohl(attribute->u32())));
    if (attribute->type == NFTA_VERDICT_CHAIN) verdict.chain = attribute->text();
  }
  if (!kind) return std::nullopt;
  verdict.kind = *kind;
  return verdict;
}

void readValue(const netlink::Attribute& data, Element& element) {
  auto attributes = data.nested();
  while (const auto attribute = attributes.next()) {
    if (attribute->type != NFTA_DATA_VERDICT) continue;
    if (auto verdict = verdictIn(attribute->nested())) element.value = std::move(*verdict);
    return;
  }
  if (const auto value = keyIn(data.nested())) element.value = *value;
}

// Sorts small records instead of whole elements, because a set of 100k members arrives in hash
// order.
void sortByFirst(std::vector<Element>& elements) {
  struct Place {
    std::uint64_t start;  // the first 8 bytes of the key, as a number
    std::size_t index;
  };
  const auto startOf = [](const Key& key) {
    std::uint64_t start = 0;
    std::memcpy(&start, key.bytes().data(), std::min(key.bytes().size(), sizeof start));
    return be64toh(start);
  };
  std::vector<Place> places;
  places.reserve(elements.size());
  for (const Element& element : elements) places.push_back({startOf(element.first), places.size()});
  std::ranges::sort(places, [&](const Place& a, const Place& b) {
    if (a.start != b.start) return a.start < b.start;
    return elements[a.index].first < elements[b.index].first;
  });
  std::vector<Element> sorted;
  sorted.reserve(elements.size());
  for (const Place& place : places) sorted.push_back(std::move(elements[place.index]));
  elements = std::move(sorted);
}

}  // namespace

void ElementDecoder::read(const netlink::MessageView& message) {
  auto attributes = attributesOf(message);
  while (const auto list = attributes.next()) {
    if (list->type != NFTA_SET_ELEM_LIST_ELEMENTS) continue;
    auto elements = list->nested();
    while (const auto element = elements.next()) readElement(element->nested());
  }
}

void ElementDecoder::forget() {
  elements_.clear();
  rangeEnds_.clear();
}

void ElementDecoder::readElement(netlink::Attributes attributes) {
  std::optional<Key> first;
  std::optional<Key> last;
  std::uint32_t flags = 0;
  Element element;
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case NFTA_SET_ELEM_KEY: first = keyIn(attribute->nested()); break;
      case NFTA_SET_ELEM_KEY_END: last = keyIn(attribute->nested()); break;
      case NFTA_SET_ELEM_DATA: readValue(*attribute, element); break;
      case NFTA_SET_ELEM_FLAGS: flags = ntohl(attribute->u32()); break;
      default: break;
    }
  }
  if (!first) return;  // a catch-all element, which kpol never adds
  if ((flags & NFT_SET_ELEM_INTERVAL_END) != 0) {
    rangeEnds_.push_back(*first);
    return;
  }
  element.first = *first;
  element.last = last.value_or(*first);
  elements_.push_back(std::move(element));
}

std::vector<Element> ElementDecoder::finish() {
  sortByFirst(elements_);
  const auto same = [](const Element& a, const Element& b) { return a.first == b.first; };
  elements_.erase(std::unique(elements_.begin(), elements_.end(), same), elements_.end());
  if (!set_.interval || set_.key.size() != 1) return std::move(elements_);
  std::ranges::sort(rangeEnds_);
  auto end = rangeEnds_.begin();
  for (Element& element : elements_) {
    end = std::upper_bound(end, rangeEnds_.end(), element.first);
    element.last = end == rangeEnds_.end() ? greatest(element.first.bytes().size())
                                           : previous(*end).value_or(element.first);
  }
  return std::move(elements_);
}

}  // namespace kpol::nft
