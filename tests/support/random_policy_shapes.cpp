// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_policy_shapes.hpp"

#include "policy/selector.hpp"
#include "tests/support/policy_builders.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace kpol::test {
namespace {

using base::PortRange;
using base::Prefix;
using base::Protocol;
using policy::Direction;
using policy::IpBlock;
using policy::LabelSelector;
using policy::NetworkPolicy;
using policy::Peer;
using policy::Pod;
using policy::PolicyPort;
using policy::PolicyRule;
using policy::Snapshot;

template <typename Range, typename Holds>
bool any(const Range& range, const Holds& holds) {
  return std::ranges::any_of(range, holds);
}

// Whether any two elements, in either order, have this relation.
template <typename T, typename Holds>
bool anyPair(const std::vector<T>& values, const Holds& holds) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (i != j && holds(values[i], values[j])) return true;
    }
  }
  return false;
}

// The parts of all policies, flat.
struct Parts {
  explicit Parts(const Snapshot& snapshot) {
    for (const NetworkPolicy& policy : snapshot.policies) {
      selectors.insert(policy.podSelector);
      for (const auto* list : {&policy.ingress, &policy.egress}) {
        for (const PolicyRule& rule : *list) add(rule);
      }
    }
  }

  void add(const PolicyRule& rule) {
    rules.push_back(&rule);
    std::vector<Prefix> inRule;
    for (const Peer& peer : rule.peers) {
      peers.push_back(&peer);
      if (peer.podSelector) selectors.insert(*peer.podSelector);
      if (peer.namespaceSelector) selectors.insert(*peer.namespaceSelector);
      if (!peer.ipBlock) continue;
      inRule.push_back(peer.ipBlock->cidr);
      blocks.push_back(&*peer.ipBlock);
    }
    cidrs.push_back(std::move(inRule));
    std::vector<std::pair<Protocol, PortRange>> ranges;
    for (const PolicyPort& port : rule.ports) {
      ports.push_back(&port);
      const auto* range = std::get_if<PortRange>(&port.port);
      if (range != nullptr && port.protocol) ranges.emplace_back(*port.protocol, *range);
    }
    portRanges.push_back(std::move(ranges));
  }

  std::vector<const PolicyRule*> rules;
  std::vector<const Peer*> peers;
  std::vector<const PolicyPort*> ports;
  std::vector<const IpBlock*> blocks;
  std::set<LabelSelector> selectors;
  std::vector<std::vector<Prefix>> cidrs;  // by rule
  std::vector<std::vector<std::pair<Protocol, PortRange>>> portRanges;
};

bool isHalfOf(const Prefix& part, const Prefix& whole) {
  return whole.contains(part) && part.length() == whole.length() + 1;
}
bool areAdjacent(const Prefix& left, const Prefix& right) {
  const auto behind = left.last().next();
  return behind && *behind == right.first() && left.family() == right.family();
}
bool selects(const NetworkPolicy& policy, const Pod& pod) {
  return policy.key.ns == pod.key.ns && matches(policy.podSelector, pod.labels);
}
bool isCutAlike(const std::string& a, const std::string& b) {
  return a != b && a.size() > 60 && a.substr(0, 60) == b.substr(0, 60);
}

// The number of distinct pods' meanings of a named port.
bool differsByPod(const Snapshot& snapshot) {
  std::map<std::pair<std::string, Protocol>, std::set<std::set<std::uint16_t>>> meanings;
  for (const Pod& pod : snapshot.pods) {
    std::map<std::pair<std::string, Protocol>, std::set<std::uint16_t>> own;
    for (const auto& port : pod.ports) {
      if (!port.name.empty()) own[{port.name, port.protocol}].insert(port.port);
    }
    for (auto& [name, numbers] : own) meanings[name].insert(std::move(numbers));
  }
  return any(meanings, [](const auto& meaning) { return meaning.second.size() > 1; });
}

struct Cluster {
  const Snapshot& snapshot;
  Parts parts;
};
using ClusterShape = std::pair<std::string, std::function<bool(const Cluster&)>>;

std::vector<ClusterShape> blockShapes() {
  const auto anyBlock = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.parts.blocks, [&](const IpBlock* block) { return holds(*block); });
    };
  };
  const auto anyTwoCidrs = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.parts.cidrs, [&](const auto& inRule) { return anyPair(inRule, holds); });
    };
  };
  return {
      {"blocks overlap",
       anyTwoCidrs([](const Prefix& a, const Prefix& b) { return a != b && a.contains(b); })},
      {"blocks are equal", anyTwoCidrs(std::equal_to<Prefix>{})},
      {"blocks are adjacent", anyTwoCidrs(areAdjacent)},
      {"blocks of both families in one rule",
       anyTwoCidrs([](const Prefix& a, const Prefix& b) { return a.family() != b.family(); })},
      {"block is a whole family", anyBlock([](const IpBlock& b) { return b.cidr.length() == 0; })},
      {"block is one address",
       anyBlock([](const IpBlock& b) { return b.cidr.length() == b.cidr.address().bits(); })},
      {"except is a half", anyBlock([](const IpBlock& b) {
         return any(b.except, [&](const Prefix& e) { return isHalfOf(e, b.cidr); });
       })},
      {"excepts are both halves", anyBlock([](const IpBlock& b) {
         return anyPair(b.except, [&](const Prefix& x, const Prefix& y) {
           return x != y && isHalfOf(x, b.cidr) && isHalfOf(y, b.cidr);
         });
       })},
      {"except is the block", anyBlock([](const IpBlock& b) {
         return any(b.except, [&](const Prefix& e) { return e == b.cidr; });
       })},
      {"excepts overlap", anyBlock([](const IpBlock& b) {
         return anyPair(b.except,
                        [](const Prefix& x, const Prefix& y) { return x != y && x.contains(y); });
       })},
      {"excepts are adjacent",
       anyBlock([](const IpBlock& b) { return anyPair(b.except, areAdjacent); })},
  };
}

std::vector<ClusterShape> portShapes() {
  using Ranged = std::pair<Protocol, PortRange>;
  const auto anyTwo = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.parts.portRanges, [&](const auto& inRule) {
        return anyPair(inRule, [&](const Ranged& a, const Ranged& b) {
          return a.first == b.first && holds(a.second, b.second);
        });
      });
    };
  };
  const auto anyPort = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.parts.ports, [&](const PolicyPort* port) { return holds(*port); });
    };
  };
  const auto anyRange = [anyPort](auto holds) {
    return anyPort([holds](const PolicyPort& port) {
      const auto* range = std::get_if<PortRange>(&port.port);
      return range != nullptr && holds(*range);
    });
  };
  return {
      {"port ranges overlap", anyTwo([](const PortRange& a, const PortRange& b) {
         return a != b && a.first() <= b.first() && b.first() <= a.last();
       })},
      {"port ranges are adjacent",
       anyTwo([](const PortRange& a, const PortRange& b) { return a.last() + 1 == b.first(); })},
      {"port ranges are equal", anyTwo(std::equal_to<PortRange>{})},
      {"port range ends at 65535", anyRange([](const PortRange& range) {
         return range.last() == 65535 && range.first() < 65535;
       })},
      {"port 65535 alone", anyRange([](const PortRange& r) { return r.first() == 65535; })},
      {"port range starts at 1", anyRange([](const PortRange& r) { return r.first() == 1; })},
      {"port of an unknown protocol", anyPort([](const PolicyPort& p) { return !p.protocol; })},
      {"named port differs by pod", [](const Cluster& c) { return differsByPod(c.snapshot); }},
      {"named port that a selected pod lacks",
       [](const Cluster& c) {
         return any(c.snapshot.policies, [&](const NetworkPolicy& policy) {
           return any(policy.ingress, [&](const PolicyRule& rule) {
             return any(rule.ports, [&](const PolicyPort& port) {
               const auto* name = std::get_if<std::string>(&port.port);
               return name != nullptr && any(c.snapshot.pods, [&](const Pod& pod) {
                        return selects(policy, pod) &&
                               std::ranges::find(pod.ports, *name, &policy::ContainerPort::name) ==
                                   pod.ports.end();
                      });
             });
           });
         });
       }},
      {"name of two ports of one pod",
       [](const Cluster& c) {
         return any(c.snapshot.pods, [](const Pod& pod) {
           return anyPair(pod.ports, [](const auto& a, const auto& b) {
             return !a.name.empty() && a.name == b.name && a.protocol == b.protocol;
           });
         });
       }},
      {"only SCTP in a policy",
       [](const Cluster& c) {
         return any(c.snapshot.policies, [](const NetworkPolicy& policy) {
           return !policy.ingress.empty() && std::ranges::all_of(policy.ingress, [](auto& rule) {
             return !rule.ports.empty() && std::ranges::all_of(rule.ports, [](auto& port) {
               return port.protocol == Protocol::Sctp;
             });
           });
         });
       }},
  };
}

std::vector<ClusterShape> policyShapes() {
  const auto anyPolicy = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.snapshot.policies, [&](const NetworkPolicy& p) { return holds(p); });
    };
  };
  const auto anyPeer = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.parts.peers, [&](const Peer* peer) { return holds(*peer); });
    };
  };
  const auto has = [](const NetworkPolicy& policy, Direction direction) {
    return std::ranges::find(policy.policyTypes, direction) != policy.policyTypes.end();
  };
  return {
      {"no policyTypes", anyPolicy([](auto& p) { return p.policyTypes.empty(); })},
      {"[Egress] with ingress rules", anyPolicy([has](auto& p) {
         return has(p, Direction::Egress) && !has(p, Direction::Ingress) && !p.ingress.empty();
       })},
      {"[Ingress] with egress rules", anyPolicy([has](auto& p) {
         return has(p, Direction::Ingress) && !has(p, Direction::Egress) && !p.egress.empty();
       })},
      {"isolated without rules",
       anyPolicy([has](auto& p) { return has(p, Direction::Ingress) && p.ingress.empty(); })},
      {"rule for everything",
       [](const Cluster& c) {
         return any(c.parts.rules, [](auto* r) { return r->peers.empty() && r->ports.empty(); });
       }},
      {"policy that selects nothing",
       [](const Cluster& c) {
         return any(c.snapshot.policies, [&](const NetworkPolicy& policy) {
           return !any(c.snapshot.pods, [&](const Pod& pod) { return selects(policy, pod); });
         });
       }},
      {"peer without fields",
       anyPeer([](const Peer& p) { return !p.ipBlock && !p.podSelector && !p.namespaceSelector; })},
      {"peer with block and selector",
       anyPeer([](const Peer& p) { return p.ipBlock && (p.podSelector || p.namespaceSelector); })},
      {"selector written in two ways",
       [](const Cluster& c) {
         std::set<LabelSelector> canonicals;
         for (const auto& selector : c.parts.selectors) canonicals.insert(canonical(selector));
         return canonicals.size() < c.parts.selectors.size();
       }},
      {"more selectors than are looked up one by one",
       [](const Cluster& c) {
         return any(c.parts.rules, [](const PolicyRule* rule) {
           std::set<Peer> selectors;
           for (const Peer& peer : rule->peers) {
             if (!peer.ipBlock) selectors.insert(peer);
           }
           return selectors.size() > 4;
         });
       }},
      {"hundreds of peers in one rule",
       [](const Cluster& c) {
         return any(c.parts.rules, [](const PolicyRule* r) { return r->peers.size() >= 300; });
       }},
      {"a thousand policies on one local pod",
       [](const Cluster& c) {
         return c.snapshot.policies.size() >= 1000 &&
                any(c.snapshot.endpoints, [&](const policy::Endpoint& endpoint) {
                  const Pod* pod = findPod(c.snapshot, endpoint.pod);
                  return pod != nullptr &&
                         std::ranges::count_if(c.snapshot.policies, [&](const auto& policy) {
                           return selects(policy, *pod);
                         }) >= 1000;
                });
       }},
  };
}

std::vector<ClusterShape> nameShapes() {
  const auto anyTwoPolicies = [](auto holds) {
    return [holds](const Cluster& c) {
      if (c.snapshot.policies.size() > 20) return false;
      std::vector<base::ObjectKey> keys;
      for (const auto& policy : c.snapshot.policies) keys.push_back(policy.key);
      return anyPair(keys, holds);
    };
  };
  using Key = base::ObjectKey;
  return {
      {"names collide when joined", anyTwoPolicies([](const Key& a, const Key& b) {
         return a.ns != b.ns && a.ns + "-" + a.name == b.ns + "-" + b.name;
       })},
      {"names collide when cut",
       anyTwoPolicies([](const Key& a, const Key& b) { return isCutAlike(a.name, b.name); })},
      {"namespaces collide when cut",
       anyTwoPolicies([](const Key& a, const Key& b) { return isCutAlike(a.ns, b.ns); })},
      {"names differ in a dot", anyTwoPolicies([](const Key& a, const Key& b) {
         return a.ns == b.ns && a.name == "b.c" && b.name == "b-c";
       })},
      {"equal names in two namespaces",
       anyTwoPolicies([](const Key& a, const Key& b) { return a.ns != b.ns && a.name == b.name; })},
      {"namespace without its object",
       [](const Cluster& c) {
         return any(c.snapshot.pods, [&](const Pod& pod) {
           return findNamespace(c.snapshot, pod.key.ns) == nullptr;
         });
       }},
  };
}

std::vector<ClusterShape> podShapes() {
  const auto anyPod = [](auto holds) {
    return [holds](const Cluster& c) {
      return any(c.snapshot.pods, [&](const Pod& pod) { return holds(c.snapshot, pod); });
    };
  };
  const auto shares = [](const Snapshot& s, const Pod& pod) {
    return any(s.endpoints, [&](const policy::Endpoint& endpoint) {
      return endpoint.pod != pod.key && any(pod.ips, [&](const auto& ip) {
               return std::ranges::binary_search(endpoint.ips, ip);
             });
    });
  };
  const auto endpointsOf = [](const Snapshot& s, const Pod& pod) {
    return std::ranges::count(s.endpoints, pod.key, &policy::Endpoint::pod);
  };
  return {
      {"dual stack pod", anyPod([](const Snapshot&, const Pod& pod) {
         return pod.ips.size() > 1 && pod.ips.front().isV4() && !pod.ips.back().isV4();
       })},
      {"pod with two addresses of a family", anyPod([](const Snapshot&, const Pod& pod) {
         return pod.ips.size() > 1 && pod.ips.front().isV4() == pod.ips.back().isV4();
       })},
      {"pod without addresses",
       anyPod([](const Snapshot&, const Pod& pod) { return pod.ips.empty(); })},
      {"pod with two interfaces", anyPod([endpointsOf](const Snapshot& s, const Pod& pod) {
         return endpointsOf(s, pod) > 1;
       })},
      {"finished pod reports another's address", anyPod([shares](const Snapshot& s, const Pod& p) {
         return !p.hostNetwork && !hasPodNetwork(p) && shares(s, p);
       })},
      {"running pod reports another's address", anyPod([shares](const Snapshot& s, const Pod& p) {
         return hasPodNetwork(p) && shares(s, p);
       })},
      {"finished pod still has its interface",
       anyPod([endpointsOf](const Snapshot& s, const Pod& p) {
         return !p.hostNetwork && !hasPodNetwork(p) && endpointsOf(s, p) > 0;
       })},
      {"policy selects a hostNetwork pod", anyPod([](const Snapshot& s, const Pod& pod) {
         return pod.hostNetwork &&
                any(s.policies, [&](const auto& policy) { return selects(policy, pod); });
       })},
      {"interface of an unknown pod",
       [](const Cluster& c) {
         return any(c.snapshot.endpoints, [&](const policy::Endpoint& endpoint) {
           return findPod(c.snapshot, endpoint.pod) == nullptr;
         });
       }},
      {"metadata service guarded", [](const Cluster& c) { return c.snapshot.metadataGuard.on; }},
      {"metadata service named in a block",
       [](const Cluster& c) {
         return c.snapshot.metadataGuard.on && any(c.parts.blocks, [&c](const IpBlock* b) {
                  return any(c.snapshot.metadataGuard.addresses,
                             [&](const auto& ip) { return b->cidr == Prefix::host(ip); });
                });
       }},
      {"tunnel of a node within a block",
       [](const Cluster& c) {
         return any(c.snapshot.network.tunnels, [&](const auto& known) {
           return any(c.parts.blocks,
                      [&](const IpBlock* b) { return b->cidr.contains(known.node); });
         });
       }},
      {"podToNode: policy",
       [](const Cluster& c) { return c.snapshot.podToNode == policy::PodToNode::Policy; }},
  };
}

const std::vector<ClusterShape>& clusterShapes() {
  static const auto kShapes = [] {
    std::vector<ClusterShape> all;
    for (auto make : {blockShapes, portShapes, policyShapes, nameShapes, podShapes}) {
      for (auto& shape : make()) all.push_back(std::move(shape));
    }
    return all;
  }();
  return kShapes;
}

using FlowShape = std::pair<std::string, std::function<bool(const Snapshot&, const policy::Flow&)>>;

bool isNode(const Snapshot& snapshot, const base::IpAddress& address) {
  return std::ranges::find(snapshot.nodeIps, address) != snapshot.nodeIps.end();
}

FlowShape protocolShape(std::string name, std::uint8_t protocol) {
  return {std::move(name), [protocol](const Snapshot&, const policy::Flow& flow) {
            return flow.protocol == protocol;
          }};
}

// An isolated pod of this node to the node.
bool isFromPodToNode(const Snapshot& s, const policy::Flow& flow) {
  return isNode(s, flow.destination) && localPodAt(s, flow.source) != nullptr &&
         evaluate(s, flow).egress.isolated;
}

const std::vector<FlowShape>& flowShapes() {
  using policy::Flow;
  using policy::PodToNode;
  static const std::vector<FlowShape> kShapes = {
      protocolShape("TCP", 6),
      protocolShape("UDP", 17),
      protocolShape("SCTP", 132),
      protocolShape("ICMP", 1),
      protocolShape("ICMPv6", 58),
      protocolShape("GRE", 47),
      {"to itself",
       [](const Snapshot& s, const Flow& f) {
         return f.source == f.destination && localPodAt(s, f.source) != nullptr;
       }},
      {"to another address of itself",
       [](const Snapshot& s, const Flow& f) {
         const Pod* pod = localPodAt(s, f.source);
         return f.source != f.destination && pod != nullptr && localPodAt(s, f.destination) == pod;
       }},
      {"from the node to an isolated pod",
       [](const Snapshot& s, const Flow& f) {
         return isNode(s, f.source) && localPodAt(s, f.destination) != nullptr &&
                evaluate(s, f).ingress.isolated;
       }},
      {"to the node, which is open",
       [](const Snapshot& s, const Flow& f) {
         return s.podToNode == PodToNode::Allow && isFromPodToNode(s, f);
       }},
      {"to the node, where policies say no",
       [](const Snapshot& s, const Flow& f) {
         return s.podToNode == PodToNode::Policy && isFromPodToNode(s, f) && !nodeAllows(s, f);
       }},
      {"to the node, where policies say yes",
       [](const Snapshot& s, const Flow& f) {
         return s.podToNode == PodToNode::Policy && isFromPodToNode(s, f) && nodeAllows(s, f);
       }},
      {"from beyond",
       [](const Snapshot& s, const Flow& f) {
         return !isEndpointAddress(s, f.source) && localPodAt(s, f.destination) != nullptr;
       }},
      {"beyond",
       [](const Snapshot& s, const Flow& f) {
         return !isEndpointAddress(s, f.destination) && localPodAt(s, f.source) != nullptr;
       }},
      {"between local pods",
       [](const Snapshot& s, const Flow& f) {
         return localPodAt(s, f.source) != nullptr && localPodAt(s, f.destination) != nullptr;
       }},
      {"IPv4", [](const Snapshot&, const Flow& f) { return f.source.isV4(); }},
      {"IPv6", [](const Snapshot&, const Flow& f) { return !f.source.isV4(); }},
      {"allowed", [](const Snapshot& s, const Flow& f) { return nodeAllows(s, f); }},
      {"denied", [](const Snapshot& s, const Flow& f) { return !nodeAllows(s, f); }},
  };
  return kShapes;
}

template <typename Shapes>
std::vector<std::string> namesOf(const Shapes& shapes) {
  std::vector<std::string> names;
  for (const auto& [name, holds] : shapes) names.push_back(name);
  return names;
}

}  // namespace

std::set<std::string> shapesOf(const Snapshot& snapshot) {
  const Cluster cluster{snapshot, Parts(snapshot)};
  std::set<std::string> found;
  for (const auto& [name, holds] : clusterShapes()) {
    if (holds(cluster)) found.insert(name);
  }
  return found;
}

std::set<std::string> shapesOf(const Snapshot& snapshot, const policy::Flow& flow) {
  std::set<std::string> found;
  for (const auto& [name, holds] : flowShapes()) {
    if (holds(snapshot, flow)) found.insert(name);
  }
  return found;
}

const std::vector<std::string>& allShapes() {
  static const auto kNames = namesOf(clusterShapes());
  return kNames;
}

const std::vector<std::string>& allFlowShapes() {
  static const auto kNames = namesOf(flowShapes());
  return kNames;
}

}  // namespace kpol::test
