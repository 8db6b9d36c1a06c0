// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

#include <algorithm>

namespace kpol::test {
namespace {

using base::Family;
using base::IpAddress;
using base::Prefix;

using MakePeers = std::function<Peers(const Setting&)>;
using MakePolicy = std::function<policy::NetworkPolicy(const Setting&)>;

// One policy on x/a that allows traffic from or to the peers.
MakePolicy admit(MakePeers peers, const char* name = "x/p") {
  return [=](const Setting& at) { return ingress(name, is("pod", "a"), {rule(peers(at))}); };
}
MakePolicy letOut(MakePeers peers) {
  return [=](const Setting& at) { return egress("x/p", is("pod", "a"), {rule(peers(at))}); };
}

Peers always(std::vector<policy::Peer> peers) {
  return peers;
}

// The two halves of a prefix.
std::vector<Prefix> halves(const Prefix& whole) {
  const auto lower = *Prefix::make(whole.first(), whole.length() + 1);
  return {lower, *Prefix::make(whole.last(), whole.length() + 1)};
}

// "10.0.0.7/24": the address of a pod with host bits, as kubectl apply accepts it.
std::string unmasked(const IpAddress& address, unsigned length) {
  return toString(address) + "/" + std::to_string(length);
}

// The same with leading zeros in every octet that has room for one.
std::string withLeadingZeros(const IpAddress& address) {
  std::string text;
  for (const std::uint8_t byte : address.bytes()) {
    const std::string digits = std::to_string(byte);
    text += (text.empty() ? "" : ".") + std::string(3 - digits.size(), '0') + digits;
  }
  return text;
}

std::vector<PolicyCase> blockCases() {
  return {
      CaseBuilder("a block of one pod's address admits that pod only", {31})
          .policy(admit([](const Setting& at) { return hosts({at.of("y/a")}); }))
          .allow("y/a", "x/a", everyProtocol())
          .deny({"y/b", "x/b", "z/c"}, "x/a", everyProtocol()),
      CaseBuilder("a block of one pod's address lets out to that pod only", {31})
          .policy(letOut([](const Setting& at) { return hosts({at.of("y/a")}); }))
          .allow("x/a", "y/a", everyProtocol())
          .deny("x/a", {"y/b", "x/b", "z/c", "off-cluster"}, {tcp(80), udp(80)}),
      CaseBuilder("the whole address space admits pods and everything else", {31})
          .policy(admit([](const Setting&) { return anywhere(); }))
          .allow({"x/b", "y/a", "z/c"}, "x/a", everyProtocol())
          .allow({"off-cluster", "other-node"}, "x/a", {tcp(80), udp(80)}),
      CaseBuilder("the whole address space for egress", {31})
          .policy(letOut([](const Setting&) { return anywhere(); }))
          .allow("x/a", {"x/b", "y/a", "z/c"}, everyProtocol())
          .allow("x/a", {"off-cluster", "other-node"}, {tcp(80), udp(80)}),
      CaseBuilder("a block outside the cluster admits no pod", {31})
          .policy(admit([](const Setting& at) { return hosts({at.offCluster}); }))
          .allow("off-cluster", "x/a", {tcp(80), udp(80), icmp()})
          .deny({"x/b", "y/a", "z/c", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("a block outside the cluster for egress", {31})
          .policy(letOut([](const Setting& at) { return hosts({at.offCluster}); }))
          .allow("x/a", "off-cluster", {tcp(80), udp(80), icmp()})
          .deny("x/a", {"x/b", "y/a", "z/c", "other-node"}, tcp(80)),
      CaseBuilder("the narrowest block around all pods contains only them", {31})
          .policy(admit([](const Setting& at) {
            return cover({at.of("x/a"), at.of("x/b"), at.of("y/a"), at.of("z/c")});
          }))
          .allow({"x/b", "y/a", "z/c"}, "x/a", tcp(80))
          .deny({"off-cluster", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("a block with ports opens those ports only", {19, 31})
          .policy([](const Setting& at) {
            return ingress("x/p", is("pod", "a"),
                           {rule(hosts({at.of("y/a")}), {port(80)}),
                            rule(hosts({at.of("z/a"), at.offCluster}), {ports(81, 443)})});
          })
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", {tcp(81), udp(80), icmp()})
          .allow({"z/a", "off-cluster"}, "x/a", {tcp(81), tcp(443)})
          .deny({"z/a", "off-cluster"}, "x/a", tcp(80))
          .deny("y/b", "x/a", {tcp(80), tcp(81)}),
      CaseBuilder("blocks of two rules on one port, one inside the other", {19, 26})
          .policy([](const Setting& at) {
            return ingress("x/p", is("pod", "a"),
                           {rule(hosts({at.of("y/a")}), {port(80)}), rule(anywhere(), {port(81)}),
                            rule(hosts({at.of("y/b")}), {port(81)})});
          })
          .allow("y/a", "x/a", {tcp(80), tcp(81)})
          .allow("y/b", "x/a", tcp(81))
          .deny({"y/b", "z/a"}, "x/a", tcp(80)),
      CaseBuilder("a block and a selector as two peers admit both", {12, 31})
          .policy(admit([](const Setting& at) {
            return together({hosts({at.of("y/a"), at.offCluster}), {pods(is("pod", "b"))}});
          }))
          .allow({"y/a", "x/b", "off-cluster"}, "x/a", tcp(80))
          .deny({"y/b", "x/c", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("a block and a selector in one peer match nothing", {6, 33})
          .policy(admit([](const Setting&) {
            Peers peers = anywhere();
            for (policy::Peer& peer : peers) peer.podSelector = everything();
            return peers;
          }))
          .deny({"x/b", "y/a", "off-cluster"}, "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> exceptCases() {
  return {
      CaseBuilder("except takes an address out of its block", {32})
          .policy(admit([](const Setting& at) { return anywhereBut({at.of("y/a")}); }))
          .allow({"y/b", "x/b", "off-cluster", "other-node"}, "x/a", tcp(80))
          .deny("y/a", "x/a", everyProtocol()),
      CaseBuilder("except for egress", {32})
          .policy(letOut([](const Setting& at) { return anywhereBut({at.of("y/a")}); }))
          .allow("x/a", {"y/b", "x/b", "off-cluster", "other-node"}, tcp(80))
          .deny("x/a", "y/a", everyProtocol()),
      CaseBuilder("except the pods: everything but the cluster's own", {32})
          .policy(letOut([](const Setting& at) {
            Peers peers = anywhere();
            for (policy::Peer& peer : peers) {
              const Family family = peer.ipBlock->cidr.family();
              peer.ipBlock->except = {covering({at.of("x/a").of(family), at.of("x/b").of(family),
                                                at.of("y/a").of(family), at.of("z/c").of(family)})};
            }
            return peers;
          }))
          .allow("x/a", {"off-cluster", "other-node"}, {tcp(80), icmp()})
          .deny("x/a", {"x/b", "y/a", "z/c"}, {tcp(80), icmp()}),
      CaseBuilder("a narrow block without one of its addresses", {31, 32})
          .policy(admit([](const Setting& at) {
            return coverBut({at.of("y/a"), at.of("y/b"), at.of("y/c")}, {at.of("y/b")});
          }))
          .allow({"y/a", "y/c"}, "x/a", tcp(80))
          .deny({"y/b", "off-cluster"}, "x/a", tcp(80)),
      CaseBuilder("a selector in another peer admits what except took out", {32})
          .policy(admit([](const Setting& at) {
            return together({anywhereBut({at.of("y/a"), at.of("y/b")}),
                             {podsIn(is("ns", "y"), is("pod", "a"))}});
          }))
          .allow({"y/a", "z/a", "off-cluster"}, "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(80)),
      CaseBuilder("a second block admits what except took out of the first", {26, 32})
          .policy(admit([](const Setting& at) {
            return together({anywhereBut({at.of("y/a"), at.of("y/b")}), hosts({at.of("y/a")})});
          }))
          .allow({"y/a", "z/a"}, "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(80)),
      CaseBuilder("another rule admits on its port what except took out", {19, 32})
          .policy([](const Setting& at) {
            return ingress("x/p", is("pod", "a"),
                           {rule(anywhereBut({at.of("y/a")}), {port(80)}),
                            rule(hosts({at.of("y/a")}), {port(81)})});
          })
          .allow("y/b", "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(81))
          .allow("y/a", "x/a", tcp(81))
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("the excepts of two policies do not add up", {7, 32})
          .policy(admit([](const Setting& at) { return anywhereBut({at.of("y/a")}); }, "x/but-a"))
          .policy(admit([](const Setting& at) { return anywhereBut({at.of("y/b")}); }, "x/but-b"))
          .allow({"y/a", "y/b", "y/c", "off-cluster"}, "x/a", tcp(80)),
      CaseBuilder("the excepts of two peers do not add up, shared ones stay out", {32})
          .policy(admit([](const Setting& at) {
            return together({anywhereBut({at.of("y/a"), at.of("z/a")}),
                             anywhereBut({at.of("y/b"), at.of("z/a")})});
          }))
          .allow({"y/a", "y/b", "y/c"}, "x/a", tcp(80))
          .deny("z/a", "x/a", tcp(80)),
      CaseBuilder("excepts that are the two halves leave nothing", {6, 26, 32})
          .policy(admit([](const Setting&) {
            Peers peers = anywhere();
            for (policy::Peer& peer : peers) peer.ipBlock->except = halves(peer.ipBlock->cidr);
            return peers;
          }))
          .deny({"x/b", "y/a", "off-cluster", "other-node"}, "x/a", {tcp(80), icmp()}),
      CaseBuilder("excepts inside one another and twice", {26, 32})
          .policy(admit([](const Setting& at) {
            Peers peers = anywhereBut({at.of("y/a"), at.of("y/a"), at.of("y/b")});
            for (policy::Peer& peer : peers) {
              const Family family = peer.ipBlock->cidr.family();
              peer.ipBlock->except.push_back(
                  covering({at.of("y/a").of(family), at.of("y/b").of(family)}));
              std::ranges::sort(peer.ipBlock->except);
            }
            return peers;
          }))
          .deny({"y/a", "y/b"}, "x/a", tcp(80))
          .allow({"off-cluster", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("an except equal to the whole block leaves nothing of it", {6, 33})
          .policy(admit([](const Setting& at) { return coverBut({at.of("y/a")}, {at.of("y/a")}); }))
          .deny({"y/a", "y/b"}, "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> formCases() {
  return {
      CaseBuilder("overlapping, adjacent and duplicate blocks merge", {26})
          .policy(admit([](const Setting& at) {
            const Peers whole = cover({at.of("y/a"), at.of("y/b"), at.of("y/c")});
            Peers peers =
                together({whole, whole, hosts({at.of("y/a"), at.of("y/b"), at.of("y/a")})});
            for (const policy::Peer& peer : whole) {
              for (const Prefix& half : halves(peer.ipBlock->cidr)) peers.push_back(block(half));
            }
            return peers;
          }))
          .allow({"y/a", "y/b", "y/c"}, "x/a", tcp(80))
          .deny({"off-cluster", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("the IPv4 address space contains no IPv6 address", {34})
          .policy(admit([](const Setting&) { return always({block(cidr("0.0.0.0/0"))}); }))
          .onlyIn(Family::V4)
          .allow({"y/a", "off-cluster"}, "x/a", {tcp(80), icmp()})
          .onlyIn(Family::V6)
          .deny({"y/a", "off-cluster"}, "x/a", {tcp(80), icmp()}),
      CaseBuilder("the IPv6 address space contains no IPv4 address", {34})
          .policy(letOut([](const Setting&) { return always({block(cidr("::/0"))}); }))
          .onlyIn(Family::V6)
          .allow("x/a", {"y/a", "off-cluster"}, {tcp(80), icmp()})
          .onlyIn(Family::V4)
          .deny("x/a", {"y/a", "off-cluster"}, {tcp(80), icmp()}),
      CaseBuilder("blocks of both families in one policy with different ports", {19, 34})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({block(cidr("0.0.0.0/0"))}, {port(80)}),
                           rule({block(cidr("::/0"))}, {port(81)})}))
          .onlyIn(Family::V4)
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", tcp(81))
          .onlyIn(Family::V6)
          .allow("y/a", "x/a", tcp(81))
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("host bits of a stored block are masked away", {35})
          .policy(admit([](const Setting& at) {
            Peers peers = cover({at.of("y/a"), at.of("y/b"), at.of("z/c")});
            for (policy::Peer& peer : peers) {
              const Prefix& cidr = peer.ipBlock->cidr;
              const IpAddress& inside = at.of("z/c").of(cidr.family());
              peer = block(*Prefix::parseSloppy(unmasked(inside, cidr.length())));
            }
            return peers;
          }))
          .deny({"off-cluster", "other-node"}, "x/a", tcp(80))
          .allow({"y/a", "y/b", "z/c"}, "x/a", tcp(80)),
      CaseBuilder("leading zeros of a stored block are decimal", {35})
          .policy(admit([](const Setting& at) {
            return always({block(*Prefix::parseSloppy(withLeadingZeros(at.of("y/a").v4) + "/32"))});
          }))
          .onlyIn(Family::V4)
          .allow("y/a", "x/a", tcp(80))
          .deny({"y/b", "x/b"}, "x/a", tcp(80)),
  };
}

}  // namespace

std::vector<PolicyCase> ipBlockCases() {
  std::vector<PolicyCase> all;
  for (const auto& part : {blockCases(), exceptCases(), formCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace kpol::test
