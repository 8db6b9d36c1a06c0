// SPDX-License-Identifier: Apache-2.0
#include "nft/print.hpp"

#include "nft/names.hpp"
#include "nft/print_block.hpp"
#include "nft/print_data.hpp"
#include "nft/visit.hpp"

#include <algorithm>

namespace kpol::nft {

namespace {

constexpr std::string_view kBetweenElements = ", ";
constexpr std::string_view kBetweenLines = ",\n\t\t\t     ";

// nftables src/expression.c calculate_delim.
std::size_t elementsPerLine(const Set& set) {
  if (set.key.size() > 1) return 1;
  switch (set.key.front()) {
    case DataType::NfProto:
    case DataType::InetProto:
    case DataType::InetService:
    case DataType::Mark: return 5;
    case DataType::Ipv4Addr:
    case DataType::CtState: return 2;
    default: return 1;
  }
}

// For sorting, nft treats concatenations, interface names and host-order values as little-endian
// numbers (src/mergesort.c, on little-endian machines).
bool sortedFromTheEnd(const Set& set) {
  if (set.key.size() > 1) return true;
  const DataType type = set.key.front();
  return type == DataType::IfName || type == DataType::CtState || type == DataType::Mark;
}

bool lessFromTheEnd(const Element* a, const Element* b) {
  const auto left = a->first.bytes();
  const auto right = b->first.bytes();
  return std::lexicographical_compare(left.rbegin(), left.rend(), right.rbegin(), right.rend());
}

// nft sorts the elements of exact sets and of intervals of a single type. Concatenated ranges are
// listed in the kernel's order, which is the order in which they were added.
std::vector<const Element*> inListedOrder(const Set& set) {
  std::vector<const Element*> order;
  order.reserve(set.elements.size());
  for (const Element& element : set.elements) order.push_back(&element);
  if (!set.interval && sortedFromTheEnd(set)) std::sort(order.begin(), order.end(), lessFromTheEnd);
  return order;
}

std::string elementLines(const Set& set) {
  const std::size_t perLine = elementsPerLine(set);
  std::string text;
  std::size_t count = 0;
  for (const Element* element : inListedOrder(set)) {
    if (count != 0) text += count % perLine == 0 ? kBetweenLines : kBetweenElements;
    text += print(*element, set);
    ++count;
  }
  return text;
}

std::string counterBlock(const std::string& name) {
  return "\tcounter " + name + " {\n\t\tpackets 0 bytes 0\n\t}\n";
}

}  // namespace

std::string_view setWord(const Set& set) {
  return set.kind == Set::Kind::Set ? "set" : "map";
}

std::vector<std::string> declarationLines(const Set& set) {
  std::string type = "type " + typesText(set.key);
  if (set.kind == Set::Kind::Map) type += " : " + typesText(set.value);
  if (set.kind == Set::Kind::VerdictMap) type += " : verdict";
  std::vector<std::string> lines{type};
  if (set.size) lines.push_back("size " + std::to_string(*set.size));
  if (set.interval) lines.emplace_back("flags interval");
  if (!set.comment.empty()) lines.push_back("comment \"" + set.comment + '"');
  return lines;
}

std::string baseChainLine(const BaseChain& base) {
  return "type " + std::string(baseChainTypeName(base.type)) + " hook " +
         std::string(hookName(base.hook)) + " priority " + priorityText(base) + "; policy " +
         std::string(verdictName(base.policy)) + ';';
}

std::string print(const Element& element, const Set& set) {
  const std::string key = elementKeyText(element, set.key);
  return std::visit(Visit{
                        [&](std::monostate) { return key; },
                        [&](const Verdict& verdict) { return key + " : " + print(verdict); },
                        [&](const Key& value) { return key + " : " + keyText(value, set.value); },
                    },
                    element.value);
}

std::string print(const Set& set) {
  std::string text = '\t' + std::string(setWord(set)) + ' ' + set.name + " {\n";
  for (const std::string& line : declarationLines(set)) text += "\t\t" + line + '\n';
  if (!set.elements.empty()) text += "\t\telements = { " + elementLines(set) + " }\n";
  return text + "\t}\n";
}

std::string print(const Chain& chain) {
  std::string text = "\tchain " + chain.name + " {\n";
  if (chain.base) text += "\t\t" + baseChainLine(*chain.base) + '\n';
  for (const Rule& rule : chain.rules) text += "\t\t" + print(rule) + '\n';
  return text + "\t}\n";
}

std::string print(const Ruleset& ruleset) {
  std::vector<std::string> blocks;
  for (const std::string& counter : ruleset.counters) blocks.push_back(counterBlock(counter));
  for (const auto& [name, set] : ruleset.sets) blocks.push_back(print(set));
  for (const auto& [name, chain] : ruleset.chains) blocks.push_back(print(chain));
  return "table inet " + ruleset.table + " {\n" + join(blocks, "\n") + "}\n";
}

}  // namespace kpol::nft
