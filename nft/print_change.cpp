// SPDX-License-Identifier: Apache-2.0
#include "nft/change_set.hpp"
#include "nft/names.hpp"
#include "nft/print.hpp"
#include "nft/print_block.hpp"
#include "nft/print_data.hpp"

namespace kpol::nft {

namespace {

class ChangeText {
 public:
  explicit ChangeText(const Ruleset& context) : context_(context) {}

  std::string operator()(const AddTable&) const { return "add table inet " + context_.table; }
  std::string operator()(const DeleteTable&) const { return "delete table inet " + context_.table; }
  std::string operator()(const AddCounter& change) const {
    return command("add", "counter", change.name);
  }
  std::string operator()(const DeleteCounter& change) const {
    return command("delete", "counter", change.name);
  }
  std::string operator()(const AddChain& change) const {
    const std::string text = command("add", "chain", change.name);
    return change.base ? text + " { " + baseChainLine(*change.base) + " }" : text;
  }
  std::string operator()(const FlushChain& change) const {
    return command("flush", "chain", change.name);
  }
  std::string operator()(const DeleteChain& change) const {
    return command("delete", "chain", change.name);
  }
  std::string operator()(const AddRule& change) const {
    return command("add", "rule", change.chain) + ' ' + print(change.rule);
  }
  std::string operator()(const AddSet& change) const {
    const Set& set = change.declaration;
    return command("add", setWord(set), set.name) + " { " + join(declarationLines(set), "; ") +
           "; }";
  }
  std::string operator()(const DeleteSet& change) const {
    return command("delete", wordOf(change.name), change.name);
  }
  std::string operator()(const AddElements& change) const {
    return command("add", "element", change.set) + elements(change.set, change.elements);
  }
  std::string operator()(const DeleteElements& change) const {
    return command("delete", "element", change.set) + elements(change.set, change.elements);
  }
  std::string operator()(const FlushSet& change) const {
    return command("flush", wordOf(change.name), change.name);
  }

 private:
  std::string command(std::string_view verb, std::string_view object,
                      const std::string& name) const {
    return std::string(verb) + ' ' + std::string(object) + " inet " + context_.table + ' ' + name;
  }

  const Set* find(const std::string& name) const {
    const auto place = context_.sets.find(name);
    return place == context_.sets.end() ? nullptr : &place->second;
  }

  std::string_view wordOf(const std::string& set) const {
    const Set* known = find(set);
    return known == nullptr ? "set" : setWord(*known);
  }

  std::string elements(const std::string& set, const std::vector<Element>& elements) const {
    const Set* known = find(set);
    std::vector<std::string> texts;
    texts.reserve(elements.size());
    for (const Element& element : elements)
      texts.push_back(known == nullptr ? bytesText(element.first) : print(element, *known));
    return " { " + join(texts, ", ") + " }";
  }

  // For keys of unknown types.
  static std::string bytesText(const Key& key) {
    std::string text = "0x";
    for (const std::uint8_t byte : key.bytes()) text += hexText(byte, 2).substr(2);
    return text;
  }

  const Ruleset& context_;
};

}  // namespace

std::string toString(const Change& change, const Ruleset& context) {
  return std::visit(ChangeText(context), change);
}

}  // namespace kpol::nft
