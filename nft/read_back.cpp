// SPDX-License-Identifier: Apache-2.0
#include "nft/read_back.hpp"

#include "netlink/request.hpp"
#include "nft/decode.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>

namespace kpol::nft {
namespace {

constexpr int kRestarts = 5;

netlink::Message ask(std::uint16_t type) {
  netlink::Message message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), 0);
  nfgenmsg family{};
  family.nfgen_family = NFPROTO_INET;
  family.version = NFNETLINK_V0;
  message.putHeader(family);
  return message;
}

// Returns false if the object does not exist.
bool found(const std::optional<netlink::Refusal>& refusal, const char* what) {
  if (!refusal) return true;
  if (refusal->code == ENOENT) return false;
  throw netlink::Error(what, refusal->code, refusal->extack);
}

// The generation number, which changes with every transaction in the network namespace.
std::uint32_t readGeneration(netlink::Socket& socket) {
  auto message = ask(NFT_MSG_GETGEN);
  std::uint32_t generation = 0;
  const auto refusal = netlink::request(socket, message, netlink::Exchange::Kind::Answered,
                                        [&](const netlink::MessageView& answer) {
                                          auto attributes = attributesOf(answer);
                                          while (const auto attribute = attributes.next())
                                            if (attribute->type == NFTA_GEN_ID)
                                              generation = attribute->u32();
                                        });
  if (refusal)
    throw netlink::Error("read the generation of nf_tables", refusal->code, refusal->extack);
  return generation;
}

netlink::Message askCounters(const std::string& table) {
  auto message = ask(NFT_MSG_GETOBJ);
  message.putText(NFTA_OBJ_TABLE, table);
  message.putU32(NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
  return message;
}

// One pass of dumps over the table.
class TableReader {
 public:
  TableReader(netlink::Socket& socket, const std::string& table) : socket_(socket) {
    ruleset_.table = table;
  }

  Ruleset read() {
    readCounters();
    readSets();
    for (auto& [name, set] : ruleset_.sets)
      if (!set.key.empty()) readElements(set);
    readChains();
    readRules();
    return std::move(ruleset_);
  }

 private:
  void dump(netlink::Message& message, const netlink::DumpSink& sink) {
    const auto refusal = netlink::dump(socket_, message, sink);
    // ENOENT: the table or set has been deleted meanwhile. The generation has changed, so the whole
    // table is read again.
    if (refusal && refusal->code != ENOENT)
      throw netlink::Error("dump table inet " + ruleset_.table, refusal->code, refusal->extack);
  }

  // Older kernels ignore the filter of some dumps, and the dump of chains has none.
  [[nodiscard]] bool isOurs(const netlink::MessageView& message, std::uint16_t attribute) const {
    return textAttribute(message, attribute) == ruleset_.table;
  }

  void readCounters() {
    auto message = askCounters(ruleset_.table);
    dump(message, {[&] { ruleset_.counters.clear(); },
                   [&](const netlink::MessageView& object) {
                     if (isOurs(object, NFTA_OBJ_TABLE))
                       ruleset_.counters.insert(decodeCounter(object));
                   }});
  }

  void readSets() {
    auto message = ask(NFT_MSG_GETSET);
    message.putText(NFTA_SET_TABLE, ruleset_.table);
    dump(message, {[&] { ruleset_.sets.clear(); },
                   [&](const netlink::MessageView& object) {
                     if (!isOurs(object, NFTA_SET_TABLE)) return;
                     auto set = decodeSet(object);
                     if (!set) return;
                     std::string name = set->name;
                     ruleset_.sets.insert_or_assign(std::move(name), std::move(*set));
                   }});
  }

  void readElements(Set& set) {
    auto message = ask(NFT_MSG_GETSETELEM);
    message.putText(NFTA_SET_ELEM_LIST_TABLE, ruleset_.table);
    message.putText(NFTA_SET_ELEM_LIST_SET, set.name);
    ElementDecoder decoder(set);
    dump(message, {[&] { decoder.forget(); },
                   [&](const netlink::MessageView& elements) { decoder.read(elements); }});
    set.elements = decoder.finish();
  }

  void readChains() {
    auto message = ask(NFT_MSG_GETCHAIN);
    dump(message, {[&] { ruleset_.chains.clear(); },
                   [&](const netlink::MessageView& object) {
                     if (!isOurs(object, NFTA_CHAIN_TABLE)) return;
                     Chain chain = decodeChain(object);
                     std::string name = chain.name;
                     ruleset_.chains.insert_or_assign(std::move(name), std::move(chain));
                   }});
  }

  void readRules() {
    auto message = ask(NFT_MSG_GETRULE);
    message.putText(NFTA_RULE_TABLE, ruleset_.table);
    dump(message, {[&] {
                     for (auto& [name, chain] : ruleset_.chains) chain.rules.clear();
                   },
                   [&](const netlink::MessageView& object) {
                     if (!isOurs(object, NFTA_RULE_TABLE)) return;
                     RuleOfChain decoded = decodeRule(object);
                     const auto chain = ruleset_.chains.find(decoded.chain);
                     if (chain != ruleset_.chains.end())
                       chain->second.rules.push_back(std::move(decoded.rule));
                   }});
  }

  netlink::Socket& socket_;
  Ruleset ruleset_;
};

}  // namespace

std::optional<TableHeader> readTable(netlink::Socket& socket, const std::string& table) {
  auto message = ask(NFT_MSG_GETTABLE);
  message.putText(NFTA_TABLE_NAME, table);
  TableHeader header;
  const auto refusal = netlink::request(socket, message, netlink::Exchange::Kind::Answered,
                                        [&](const netlink::MessageView& answer) {
                                          auto attributes = attributesOf(answer);
                                          while (const auto attribute = attributes.next()) {
                                            if (attribute->type == NFTA_TABLE_FLAGS)
                                              header.flags = ntohl(attribute->u32());
                                            if (attribute->type == NFTA_TABLE_OWNER)
                                              header.owner = ntohl(attribute->u32());
                                          }
                                        });
  if (!found(refusal, "read the table")) return std::nullopt;
  return header;
}

std::optional<Set> readDeclaration(netlink::Socket& socket, const std::string& table,
                                   const std::string& set) {
  auto message = ask(NFT_MSG_GETSET);
  message.putText(NFTA_SET_TABLE, table);
  message.putText(NFTA_SET_NAME, set);
  std::optional<Set> declaration;
  const auto refusal = netlink::request(
      socket, message, netlink::Exchange::Kind::Answered,
      [&](const netlink::MessageView& answer) { declaration = decodeSet(answer); });
  if (!found(refusal, "read a set")) return std::nullopt;
  return declaration;
}

std::vector<CounterValue> readCounters(netlink::Socket& socket, const std::string& table) {
  auto message = askCounters(table);
  std::vector<CounterValue> counters;
  const netlink::DumpSink sink{[&] { counters.clear(); },
                               [&](const netlink::MessageView& object) {
                                 if (textAttribute(object, NFTA_OBJ_TABLE) == table)
                                   counters.push_back(decodeCounterValue(object));
                               }};
  if (!found(netlink::dump(socket, message, sink), "read the counters")) counters.clear();
  return counters;
}

std::optional<Ruleset> readRuleset(netlink::Socket& socket, const std::string& table,
                                   Writers writers) {
  for (int attempt = 0; attempt <= kRestarts; ++attempt) {
    const std::uint32_t generation = readGeneration(socket);
    std::optional<Ruleset> ruleset;
    if (readTable(socket, table)) ruleset = TableReader(socket, table).read();
    if (writers == Writers::OnlyThisSocket || readGeneration(socket) == generation) return ruleset;
  }
  throw netlink::Error("read table inet " + table + ", which keeps changing", EAGAIN);
}

}  // namespace kpol::nft
