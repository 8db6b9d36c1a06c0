// SPDX-License-Identifier: Apache-2.0
#include "policy/chains.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>

namespace kpol::policy {
namespace {

using nft::Field;
using nft::Match;
using nft::Rule;
using nft::Verdict;

// The parts of a rule that depend on the direction.
struct Side {
  Field ip4;  // the peer's address
  Field ip6;
  Verdict admit;

  [[nodiscard]] Field address(base::Family family) const {
    return family == base::Family::V4 ? ip4 : ip6;
  }
};

// A packet admitted by ingress policies is accepted. A packet admitted by egress policies returns:
// a forwarded one to new-flow, which evaluates the ingress policies of its destination.
Side sideOf(Direction direction) {
  if (direction == Direction::Ingress)
    return {Field::IpSaddr, Field::Ip6Saddr, {Verdict::Kind::Accept, {}}};
  return {Field::IpDaddr, Field::Ip6Daddr, {Verdict::Kind::Return, {}}};
}

Rule gotoRule(const std::string& chain) {
  return {{Verdict{Verdict::Kind::Goto, chain}}, {}};
}

// Collects the chains of one profile, except NAME-deny.
class ProfileChains {
 public:
  ProfileChains(Side side, const std::string& name, PeerSets& peerSets, nft::Ruleset& ruleset)
      : side_(side), name_(name), peerSets_(peerSets), ruleset_(ruleset) {}

  // Returns the name of the profile's first chain.
  std::string add(const Profile& profile, const PortTable& ports) {
    nft::Chain chain;
    addNamedPorts(profile, chain);
    auto exact = portMap(false);
    auto ranges = portMap(true);
    addPorts(ports, exact, ranges);
    nft::Chain peers;
    addPeers(profile.anyPort, peers);
    chain.name = name_ + "-" + contentOf(chain, exact, ranges, peers);
    addMap(std::move(exact), chain.name + "-ports", chain);
    addMap(std::move(ranges), chain.name + "-ranges", chain);
    std::move(peers.rules.begin(), peers.rules.end(), std::back_inserter(chain.rules));
    return ruleset_.add(std::move(chain)).name;
  }

 private:
  void addNamedPorts(const Profile& profile, nft::Chain& chain) {
    for (const auto& lookup : peerSets_.lookups(profile.named, name_)) {
      const std::vector<Field> key{side_.address(lookup.family), Field::L4Proto, Field::ThDport};
      chain.rules.push_back(
          {{Match{key, false, nft::InSet{lookup.set}}, side_.admit}, commentOf(lookup.origins)});
    }
  }

  // Adds a chain for each distinct set of peers, and the elements that lead a port to its chain.
  void addPorts(const PortTable& ports, nft::Set& exact, nft::Set& ranges) {
    std::vector<std::string> chains(ports.peers.size());
    for (const auto& port : ports.ranges) {
      auto& target = chains[port.peers];
      if (target.empty()) target = addPortChain(port, ports.peers[port.peers]);
      const auto protocol = nft::Key::of(port.protocol);
      auto& map = port.first == port.last ? exact : ranges;
      map.elements.push_back(nft::range(protocol.dot(nft::Key::of(port.first)),
                                        protocol.dot(nft::Key::of(port.last)),
                                        {Verdict::Kind::Goto, target}));
    }
    exact.size = capacityFor(exact.elements.size());
  }

  static nft::Set portMap(bool interval) {
    nft::Set map;
    map.kind = nft::Set::Kind::VerdictMap;
    map.key = {nft::DataType::InetProto, nft::DataType::InetService};
    map.interval = interval;
    return map;
  }

  void addMap(nft::Set map, std::string name, nft::Chain& chain) {
    if (map.elements.empty()) return;
    map.name = std::move(name);
    chain.rules.push_back(
        {{nft::VerdictMapLookup{{Field::L4Proto, Field::ThDport}, map.name}}, {}});
    ruleset_.add(std::move(map));
  }

  // Creates the chain of the ports that admit `peers`; `port` is the first of them.
  std::string addPortChain(const PortPeers& port, const PeerSet& peers) {
    std::string protocol(toString(port.protocol));
    std::transform(protocol.begin(), protocol.end(), protocol.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    nft::Chain chain;
    addPeers(peers, chain);
    chain.name = name_ + "-" + protocol + "-" + std::to_string(port.first) + "-" + contentOf(chain);
    return ruleset_.add(std::move(chain)).name;
  }

  // What the rules of a chain do that admit peers, without their comments.
  static void identify(const nft::Chain& chain, Identity& identity) {
    identity.add(chain.rules.size());
    for (const auto& rule : chain.rules) {
      const auto* match = std::get_if<Match>(&rule.statements.front());
      const auto* set = match != nullptr ? std::get_if<nft::InSet>(&match->right) : nullptr;
      identity.add(set != nullptr ? set->set : "");
      identity.add(match != nullptr ? nft::fieldName(match->left.front()) : "all");
      const auto* family = match != nullptr ? std::get_if<nft::Exact>(&match->right) : nullptr;
      identity.add(std::uint64_t{family != nullptr ? family->value.bytes().front() : 0U});
      identity.add(static_cast<std::uint64_t>(std::get<Verdict>(rule.statements.back()).kind));
    }
  }
  static void identify(const nft::Set& portMap, Identity& identity) {
    identity.add(portMap.elements.size());
    for (const auto& element : portMap.elements) {
      for (const auto* key : {&element.first, &element.last})
        identity.add({reinterpret_cast<const char*>(key->bytes().data()), key->bytes().size()});
      identity.add(std::get<Verdict>(element.value).chain);
    }
  }
  template <class... Parts>
  static std::string contentOf(const Parts&... parts) {
    Identity identity;
    (identify(parts, identity), ...);
    return digitsOf(identity);
  }

  // Appends the last rules of `chain`: they admit the peers and deny all others.
  void addPeers(const PeerSet& peers, nft::Chain& chain) {
    if (peers.any) {
      chain.rules.push_back({{side_.admit}, commentOf(*peers.any)});
      return;
    }
    for (const auto& lookup : peerSets_.lookups(peers)) {
      const auto admitted =
          lookup.set.empty() ? Match{{Field::NfProto}, false, nft::Exact{protocolOf(lookup)}}
                             : Match{{side_.address(lookup.family)}, false, nft::InSet{lookup.set}};
      chain.rules.push_back({{admitted, side_.admit}, commentOf(lookup.origins)});
    }
    chain.rules.push_back(gotoRule(name_ + "-deny"));
  }

  // NFPROTO_IPV4, NFPROTO_IPV6 (linux/netfilter.h).
  static nft::Key protocolOf(const PeerLookup& lookup) {
    return nft::Key::of(
        std::uint8_t{lookup.family == base::Family::V4 ? std::uint8_t{2} : std::uint8_t{10}});
  }

  Side side_;
  const std::string& name_;
  PeerSets& peerSets_;
  nft::Ruleset& ruleset_;
};

}  // namespace

std::string addDenyingChains(const std::string& name, nft::Ruleset& ruleset) {
  const Verdict accept{Verdict::Kind::Accept, {}};
  nft::Chain chain{name + "-deny", {}, {}};
  const auto self = [&](Field source, Field destination, const char* set) {
    chain.rules.push_back(
        {{Match{{source, destination}, false, nft::InSet{set}}, accept}, "to itself"});
  };
  self(Field::IpSaddr, Field::IpDaddr, names::kSelf4);
  self(Field::Ip6Saddr, Field::Ip6Daddr, names::kSelf6);
  chain.rules.push_back({{nft::CounterReference{name}, Verdict{Verdict::Kind::Drop, {}}}, {}});
  ruleset.counters.insert(name);
  return ruleset.add(std::move(chain)).name;
}

std::string profileName(const ProfileKey& key, Names& names) {
  Identity identity;
  identity.add(key.policies.size());
  for (const auto* policy : key.policies) identity.add(policy->key.ns).add(policy->key.name);
  for (const auto& [named, numbers] : key.namedPorts) {
    identity.add(named.first).add(static_cast<std::uint64_t>(named.second)).add(numbers.size());
    for (const auto number : numbers) identity.add(number);
  }
  const auto* prefix =
      key.direction == Direction::Ingress ? names::kIngressPrefix : names::kEgressPrefix;
  return names.name(prefix + key.policies.front()->key.ns, identity);
}

ProfileChain addProfileChains(const ProfileKey& key, const std::string& name, PeerSets& peerSets,
                              nft::Ruleset& ruleset) {
  auto denying = addDenyingChains(name, ruleset);
  const auto profile = makeProfile(key);
  const auto ports = profile ? disjointPorts(*profile) : std::nullopt;
  if (!ports) return {std::move(denying), true};
  return {ProfileChains(sideOf(key.direction), name, peerSets, ruleset).add(*profile, *ports)};
}

}  // namespace kpol::policy
