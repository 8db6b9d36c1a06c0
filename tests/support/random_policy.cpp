// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_policy.hpp"

#include "tests/support/policy_builders.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string>

namespace kpol::test {
namespace {

using base::Family;
using base::IpAddress;
using base::PortRange;
using base::Prefix;
using base::Protocol;
using policy::Direction;
using policy::Peer;
using policy::Pod;
using policy::PodPhase;
using policy::PolicyPort;
using policy::Snapshot;

// Names that collide when namespace and name are joined by '-', or cut.
const std::vector<std::string>& namespaceNames() {
  static const std::vector<std::string> kNames = {"a", "a-b", "shop", std::string(62, 'n') + "1",
                                                  std::string(62, 'n') + "2"};
  return kNames;
}
const std::vector<std::string>& objectNames() {
  static const std::vector<std::string> kNames = {
      "c", "b-c", "b.c", "web", "web-1", std::string(252, 'p') + "1", std::string(252, 'p') + "2"};
  return kNames;
}

const std::array<std::string, 3> kPortNames = {"http", "dns", "x"};
const std::array<std::int64_t, 10> kPorts = {1, 79, 80, 81, 82, 443, 8080, 8081, 65534, 65535};

// Addresses of pods: neighbours, and both sides of byte and word boundaries.
std::vector<IpAddress> addressPool() {
  std::vector<IpAddress> pool;
  const auto add = [&](const char* first, int count) {
    IpAddress next = ip(first);
    for (; count > 0; --count, next = *next.next()) pool.push_back(next);
  };
  add("10.0.0.0", 9);
  add("10.0.0.252", 8);
  add("10.127.255.255", 2);
  add("fd00::", 9);
  add("fd00::fffc", 8);
  add("fd00:0:0:0:ffff:ffff:ffff:ffff", 2);
  return pool;
}

const std::vector<IpAddress>& outsideAddresses() {
  static const std::vector<IpAddress> kAddresses = {
      ip("192.168.7.1"),   ip("192.168.7.2"),   ip("203.0.113.9"), ip("9.255.255.255"),
      ip("2001:db8:7::1"), ip("2001:db8:7::2"), ip("2001:db8::9"), ip("fcff::1")};
  return kAddresses;
}

template <typename T>
void sortUnique(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

std::vector<policy::NodeTunnel> randomTunnels(Random& random) {
  std::vector<policy::NodeTunnel> tunnels;
  for (const char* text : {"198.18.0.1", "198.18.0.2", "fd77::1", "fd77::2"}) {
    const IpAddress tunnel = ip(text);
    for (const auto& node : outsideAddresses())
      if (node.family() == tunnel.family() && random.oneIn(4)) tunnels.push_back({node, tunnel});
  }
  sortUnique(tunnels);
  return tunnels;
}

namespace {

// Everything created so far, so that later parts can repeat it or be adjacent to it.
class Maker {
 public:
  explicit Maker(Random& random) : random_(random), freeAddresses_(addressPool()) {}

  Snapshot make() {
    addNamespaces();
    for (std::size_t count = random_.between(2, 8); count > 0; --count) addPod();
    for (Pod& pod : snapshot_.pods) maybeTakeOver(pod);
    for (std::size_t count = random_.between(random_.below(4), 12); count > 0; --count) {
      addPolicy();
    }
    addNode();
    if (random_.oneIn(8)) {
      const base::ObjectKey unknown{random_.pick(namespaces_), "never-heard-of"};
      addEndpoint(unknown, {takeAddress()});
    }
    for (auto& endpoint : snapshot_.endpoints) maybeOnLinkOfOthers(endpoint);
    std::ranges::sort(snapshot_.pods, {}, &Pod::key);
    std::ranges::sort(snapshot_.policies, {}, &policy::NetworkPolicy::key);
    std::ranges::sort(snapshot_.endpoints);
    return std::move(snapshot_);
  }

 private:
  IpAddress takeAddress() { return random_.take(freeAddresses_); }

  void addNamespaces() {
    std::vector<std::string> names = namespaceNames();
    for (std::size_t count = random_.between(2, 4); count > 0; --count) {
      namespaces_.push_back(random_.take(names));
      if (random_.oneIn(8)) continue;  // its object has not been seen yet
      auto entries = randomLabels(random_).entries();
      entries.emplace_back("kubernetes.io/metadata.name", namespaces_.back());
      if (random_.oneIn(6)) {
        entries.emplace_back(policy::kMetadataAccessLabel, random_.pick({"allow", "deny"}));
      }
      snapshot_.namespaces.push_back({namespaces_.back(), policy::Labels(std::move(entries))});
    }
    std::ranges::sort(snapshot_.namespaces);
  }

  void addNode() {
    snapshot_.podToNode = random_.oneIn(2) ? policy::PodToNode::Policy : policy::PodToNode::Allow;
    if (!random_.oneIn(8)) snapshot_.nodeIps.push_back(ip("192.168.7.1"));
    if (!random_.oneIn(4)) snapshot_.nodeIps.push_back(ip("2001:db8:7::1"));
    snapshot_.hostPortIps = snapshot_.nodeIps;
    if (random_.oneIn(3)) guardMetadata();
    if (random_.oneIn(3)) snapshot_.network.tunnels = randomTunnels(random_);
  }

  // The service is not at an address of the node, where pods of other plugins are not guarded.
  void guardMetadata() {
    snapshot_.metadataGuard.on = true;
    snapshot_.metadataGuard.exemptNamespaces = {"shop"};
    const auto& address = random_.pick(outsideAddresses());
    if (random_.oneIn(3) && !std::ranges::count(snapshot_.nodeIps, address))
      snapshot_.metadataGuard.addresses = {address};
  }

  // ---- pods ----

  void addPod() {
    Pod pod;
    pod.key = {random_.pick(namespaces_), random_.pick(objectNames())};
    if (!podKeys_.insert(pod.key).second) return;
    pod.labels = randomLabels(random_);
    pod.phase = random_.oneIn(5) ? random_.pick({PodPhase::Pending, PodPhase::Succeeded,
                                                 PodPhase::Failed, PodPhase::Unknown})
                                 : PodPhase::Running;
    pod.hostNetwork = random_.oneIn(10);
    pod.terminating = random_.oneIn(4);
    pod.created = static_cast<std::uint32_t>(random_.below(3));
    addContainerPorts(pod);
    if (pod.hostNetwork) {
      pod.ips = {random_.pick({ip("192.168.7.1"), ip("192.168.7.2")})};
    } else {
      addAddresses(pod);
    }
    snapshot_.pods.push_back(std::move(pod));
  }

  void addContainerPorts(Pod& pod) {
    for (std::size_t count = random_.below(5); count > 0; --count) {
      const std::string name = random_.oneIn(8) ? "" : random_.pick(kPortNames);
      pod.ports.push_back({name, protocol(), static_cast<std::uint16_t>(random_.pick(kPorts))});
    }
    sortUnique(pod.ports);
  }

  // Zero to two addresses, and where the pod is local an endpoint or two with them. The status may
  // be behind the endpoint, and a finished pod's sandbox may still be there.
  void addAddresses(Pod& pod) {
    for (std::size_t count = random_.pick({0U, 1U, 2U, 2U, 2U}); count > 0; --count) {
      pod.ips.push_back(takeAddress());
    }
    sortUnique(pod.ips);
    const bool local = !pod.ips.empty() && !random_.oneIn(policy::hasPodNetwork(pod) ? 3 : 2);
    if (!local) return;
    addEndpoint(pod.key, pod.ips);
    if (random_.oneIn(10)) addEndpoint(pod.key, {takeAddress()});
    if (random_.oneIn(8)) pod.ips.clear();
  }

  void addEndpoint(const base::ObjectKey& pod, std::vector<IpAddress> ips) {
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "kpol%011zx", snapshot_.endpoints.size() + 1);
    snapshot_.endpoints.push_back({pod, *base::IfName::parse(name.data()), std::move(ips)});
  }

  // A link of another plugin, or an unknown one; only for a pod that is accounted for, because
  // others are not silent there.
  void maybeOnLinkOfOthers(policy::Endpoint& endpoint) {
    const auto pod = std::ranges::find(snapshot_.pods, endpoint.pod, &Pod::key);
    if (pod == snapshot_.pods.end() || !policy::hasPodNetwork(*pod) || !random_.oneIn(6)) return;
    const auto name = "veth" + endpoint.hostInterface->text().substr(4);
    endpoint.hostInterface = random_.oneIn(3) ? std::nullopt : base::IfName::parse(name);
  }

  [[nodiscard]] bool hasEndpoint(const Pod& pod) const {
    return std::ranges::find(snapshot_.endpoints, pod.key, &policy::Endpoint::pod) !=
           snapshot_.endpoints.end();
  }

  // A pod without an endpoint may still report what belongs to another pod: a finished one
  // anything, a running one the address of an endpoint or of another pod without one.
  void maybeTakeOver(Pod& pod) {
    if (pod.hostNetwork || hasEndpoint(pod)) return;
    if (!policy::hasPodNetwork(pod)) {
      const Pod& other = random_.pick(snapshot_.pods);
      if (!other.hostNetwork && random_.oneIn(2)) pod.ips = other.ips;
    } else if (random_.oneIn(6) && !snapshot_.endpoints.empty()) {
      const auto& endpoint = random_.pick(snapshot_.endpoints);
      const bool accounted = localPodAt(endpoint.ips.front()) != nullptr;
      if (accounted) pod.ips = endpoint.ips;
    } else if (random_.oneIn(3)) {
      const Pod& other = random_.pick(snapshot_.pods);
      if (!other.hostNetwork && !hasEndpoint(other)) pod.ips = other.ips;
    }
  }

  // policy::localPodAt() needs sorted pods, which are added last.
  [[nodiscard]] const Pod* localPodAt(const IpAddress& address) {
    Snapshot sorted = snapshot_;
    std::ranges::sort(sorted.pods, {}, &Pod::key);
    const Pod* found = policy::localPodAt(sorted, address);
    if (found == nullptr) return nullptr;
    return &*std::ranges::find(snapshot_.pods, found->key, &Pod::key);
  }

  // ---- policies ----

  void addPolicy() {
    policy::NetworkPolicy made;
    made.key = {random_.pick(namespaces_), random_.pick(objectNames())};
    if (!policyKeys_.insert(made.key).second) return;
    made.podSelector = random_.oneIn(3) ? everything() : selector();
    const std::size_t types = random_.below(6);
    if (types != 0 && types != 1) made.policyTypes.push_back(Direction::Ingress);
    if (types != 0 && types != 2) made.policyTypes.push_back(Direction::Egress);
    onlySctp_ = random_.oneIn(12);
    made.ingress = rules();
    made.egress = rules();
    onlySctp_ = false;
    snapshot_.policies.push_back(std::move(made));
  }

  std::vector<policy::PolicyRule> rules() {
    std::vector<policy::PolicyRule> made(random_.pick({0U, 1U, 1U, 2U, 3U}));
    for (policy::PolicyRule& rule : made) {
      // Sometimes more selectors than a compiler may want to look up one by one.
      const std::size_t peers = random_.oneIn(8) ? 8 : random_.below(4);
      for (std::size_t i = 0; i < peers; ++i) rule.peers.push_back(peer());
      const std::size_t ports = random_.oneIn(3) && !onlySctp_ ? 0 : random_.between(1, 4);
      for (std::size_t i = 0; i < ports; ++i) rule.ports.push_back(policyPort());
    }
    return made;
  }

  policy::LabelSelector selector() {
    if (!selectors_.empty() && random_.oneIn(3)) {
      return respelled(random_, random_.pick(selectors_));
    }
    return selectors_.emplace_back(randomSelector(random_));
  }

  policy::LabelSelector namespaceSelector() {
    const std::string name = "kubernetes.io/metadata.name";
    if (random_.oneIn(4)) return is(name, random_.pick(namespaceNames()));
    if (random_.oneIn(8)) return notIn(name, {random_.pick(namespaces_)});
    return selector();
  }

  Peer peer() {
    switch (random_.below(16)) {
      case 0: return namespaces(everything());
      case 1: return pods(everything());
      case 2: return {};  // no field this version knows
      case 3: {
        Peer both = ipBlock();  // rejected by the API
        both.podSelector = selector();
        return random_.oneIn(3) ? both : ipBlock();
      }
      case 4:
      case 5:
      case 6: return pods(selector());
      case 7:
      case 8: return namespaces(namespaceSelector());
      case 9:
      case 10:
      case 11: {
        policy::LabelSelector inNamespaces = namespaceSelector();
        return podsIn(std::move(inNamespaces), selector());
      }
      default: return ipBlock();
    }
  }

  // ---- blocks ----

  IpAddress anyAddress() {
    static const std::vector<IpAddress> kPool = addressPool();
    return random_.oneIn(4) ? random_.pick(outsideAddresses()) : random_.pick(kPool);
  }

  Prefix randomPrefix() {
    const IpAddress address = anyAddress();
    const unsigned bits = address.bits();
    const unsigned length =
        random_.pick({0U, 1U, 8U, bits - 8, bits - 4, bits - 2, bits - 1, bits});
    return *Prefix::make(address, length);
  }

  // An earlier block, one of its halves, its parent, or a neighbour of its size.
  Prefix relatedPrefix(const Prefix& known) {
    const unsigned length = known.length();
    switch (random_.below(5)) {
      case 0: return Prefix::make(known.first(), length + 1).value_or(known);
      case 1: return Prefix::make(known.last(), length + 1).value_or(known);
      case 2: return length > 0 ? *Prefix::make(known.address(), length - 1) : known;
      case 3: {
        const auto behind = known.last().next();
        return behind ? *Prefix::make(*behind, length) : known;
      }
      default: return known;
    }
  }

  Peer ipBlock() {
    // Neither its very address nor the link-local block around it opens the metadata service.
    if (random_.oneIn(10)) {
      const auto& known = random_.pick(policy::knownMetadataAddresses());
      return block(random_.oneIn(3) ? *Prefix::make(known, 16) : Prefix::host(known));
    }
    if (random_.oneIn(16)) return block(Prefix::host(random_.pick(outsideAddresses())));
    const Prefix cidr = !prefixes_.empty() && random_.oneIn(3)
                            ? relatedPrefix(random_.pick(prefixes_))
                            : randomPrefix();
    prefixes_.push_back(cidr);
    return block(cidr, excepts(cidr));
  }

  std::vector<Prefix> excepts(const Prefix& cidr) {
    std::vector<Prefix> made;
    if (random_.oneIn(12) && cidr.length() < cidr.address().bits()) {  // nothing of it remains
      made = {*Prefix::make(cidr.first(), cidr.length() + 1),
              *Prefix::make(cidr.last(), cidr.length() + 1)};
    }
    for (std::size_t count = random_.pick({0U, 0U, 1U, 2U, 3U}); count > 0; --count) {
      const Prefix candidate = random_.oneIn(2)   ? relatedPrefix(cidr)
                               : random_.oneIn(2) ? Prefix::host(anyAddress())
                                                  : randomPrefix();
      // The API rejects an except that equals the block or is outside of it; the first is worth
      // testing.
      if (!cidr.contains(candidate) || (candidate == cidr && !random_.oneIn(8))) continue;
      made.push_back(candidate);
      prefixes_.push_back(candidate);
    }
    std::ranges::sort(made);
    return made;
  }

  // ---- ports ----

  Protocol protocol() {
    if (onlySctp_) return Protocol::Sctp;
    return random_.pick({Protocol::Tcp, Protocol::Tcp, Protocol::Tcp, Protocol::Tcp, Protocol::Udp,
                         Protocol::Udp, Protocol::Sctp});
  }

  PolicyPort policyPort() {
    const auto proto = random_.oneIn(12) ? std::nullopt : std::optional<Protocol>(protocol());
    switch (random_.below(6)) {
      case 0: return {proto, {}};
      case 1:
      case 2: return {proto, random_.pick(kPortNames)};
      default: return {proto, range()};
    }
  }

  // A random range, or one that repeats, overlaps or borders on an earlier one.
  PortRange range() {
    std::optional<PortRange> made;
    if (!ranges_.empty() && random_.oneIn(3)) {
      const PortRange known = random_.pick(ranges_);
      const auto first = known.last() + static_cast<std::int64_t>(random_.below(2));
      made = PortRange::make(first, first + static_cast<std::int64_t>(random_.below(2)));
    }
    if (!made) {
      const auto [first, last] = std::minmax({random_.pick(kPorts), random_.pick(kPorts)});
      made = random_.oneIn(2) ? PortRange::make(first, last) : PortRange::single(first);
    }
    ranges_.push_back(*made);
    return *made;
  }

  Random& random_;
  Snapshot snapshot_;
  std::vector<IpAddress> freeAddresses_;
  std::vector<std::string> namespaces_;
  std::set<base::ObjectKey> podKeys_;
  std::set<base::ObjectKey> policyKeys_;
  std::vector<policy::LabelSelector> selectors_;
  std::vector<Prefix> prefixes_;
  std::vector<PortRange> ranges_;
  bool onlySctp_ = false;  // while a policy is created that has nothing else
};

}  // namespace

Snapshot randomSnapshot(Random& random) {
  return Maker(random).make();
}

}  // namespace kpol::test
