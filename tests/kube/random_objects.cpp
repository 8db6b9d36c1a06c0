// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/random_objects.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace kpol::kube::testing {
namespace {

using policy::LabelRequirement;
using policy::LabelSelector;
using Operator = LabelRequirement::Operator;

// Draws values; every distribution is its own arithmetic, so that seeds mean the same everywhere.
class Draw {
 public:
  explicit Draw(std::mt19937& random) : random_(random) {}

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool chance(unsigned oneIn) { return below(oneIn) == 0; }
  template <typename T>
  T oneOf(std::initializer_list<T> values) {
    return *(values.begin() + below(static_cast<unsigned>(values.size())));
  }
  template <typename Make>
  auto several(unsigned limit, Make make) {
    std::vector<decltype(make())> result;
    for (unsigned count = below(limit + 1); count > 0; --count) result.push_back(make());
    return result;
  }

  std::string name(std::size_t longest) {
    if (chance(20)) return std::string(longest, 'x');
    return oneOf<std::string>({"a", "web", "0", "a-b", "on", "null", "1e3", "0x1f"}) + "-" +
           std::to_string(below(1000));
  }
  std::string labelKey() {
    return oneOf<std::string>({"app", "tier", "example.com/role", "a_b.c", "on", "0", "<<"}) == "<<"
               ? std::string(63, 'K')
               : oneOf<std::string>({"app", "tier", "example.com/role", "a_b.c", "y", "1"});
  }
  std::string labelValue() {
    return oneOf<std::string>(
        {"", "web", "1", "true", "null", "1.5", "A_b.c", std::string(63, 'v')});
  }
  policy::Labels labels() {
    return policy::Labels(several(4, [&] { return std::pair(labelKey(), labelValue()); }));
  }
  LabelRequirement requirement() {
    const auto op =
        oneOf({Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist});
    LabelRequirement result{labelKey(), op, {}};
    if (op == Operator::In || op == Operator::NotIn) {
      result.values = several(3, [&] { return labelValue(); });
      result.values.push_back(labelValue());
      sortUnique(result.values);
    }
    return result;
  }
  LabelSelector selector() {
    return {labels(), several(3, [&] { return requirement(); })};
  }
  base::IpAddress ip() {
    std::array<std::uint8_t, 16> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(chance(2) ? 0 : below(256));
    bytes[0] = static_cast<std::uint8_t>(1 + below(223));  // not within ::ffff:0:0/96
    return *base::IpAddress::fromBytes(std::span(bytes).first(chance(2) ? 4 : 16));
  }
  base::Prefix prefix() {
    const auto address = ip();
    return *base::Prefix::make(address, below(address.bits() + 1));
  }
  policy::IpBlock ipBlock() {
    policy::IpBlock block{prefix(), {}};
    if (block.cidr.length() < block.cidr.address().bits()) {
      const auto part = [&] {
        const bool upper = chance(2);
        return *base::Prefix::make(
            upper ? block.cidr.last() : block.cidr.first(),
            block.cidr.length() + 1 + below(block.cidr.address().bits() - block.cidr.length()));
      };
      block.except = several(3, part);
      std::ranges::sort(block.except);
    }
    return block;
  }
  policy::Peer peer() {
    if (chance(3)) return {std::nullopt, std::nullopt, ipBlock()};
    const unsigned which = 1 + below(3);
    policy::Peer result;
    if ((which & 1U) != 0) result.podSelector = selector();
    if ((which & 2U) != 0) result.namespaceSelector = selector();
    return result;
  }
  base::Protocol protocol() {
    return oneOf({base::Protocol::Tcp, base::Protocol::Udp, base::Protocol::Sctp});
  }
  std::uint16_t port() { return oneOf<std::uint16_t>({1, 80, 443, 8080, 65535}); }
  std::string portName() { return oneOf<std::string>({"http", "on", "n", "x-1", "0x1"}); }
  policy::PolicyPort policyPort() {
    policy::PolicyPort result{protocol(), std::monostate{}};
    if (chance(3)) {
      result.port = portName();
    } else if (!chance(3)) {
      const auto ends = std::minmax({port(), port()});
      result.port = *base::PortRange::make(ends.first, ends.second);
    }
    return result;
  }
  policy::PolicyRule rule() {
    return {several(3, [&] { return peer(); }), several(3, [&] { return policyPort(); })};
  }

  Object networkPolicy(base::ObjectKey key) {
    policy::NetworkPolicy policy{std::move(key), selector(), {}, {}, {}};
    using enum policy::Direction;
    policy.policyTypes = oneOf<std::vector<policy::Direction>>(
        {{}, {Ingress}, {Egress}, {Egress, Ingress}, {Ingress, Egress}});
    policy.ingress = several(3, [&] { return rule(); });
    policy.egress = several(3, [&] { return rule(); });
    return policy;
  }
  Object pod(base::ObjectKey key) {
    using enum policy::PodPhase;
    policy::Pod pod;
    pod.key = std::move(key);
    pod.uid = oneOf<std::string>({"", "1e3", "uid-7"});
    pod.nodeName = oneOf<std::string>({"", "no", "node-1"});
    pod.hostNetwork = chance(5);
    pod.terminating = chance(5);
    pod.created = oneOf<std::uint32_t>({0, 1, 951782400, 1767323045, 4294967295});
    pod.phase = oneOf({Pending, Running, Succeeded, Failed, Unknown});
    pod.labels = labels();
    pod.ips = several(3, [&] { return ip(); });
    pod.ports = several(3, [&] {
      return policy::ContainerPort{chance(2) ? "" : portName(), protocol(), port()};
    });
    sortUnique(pod.ips);
    sortUnique(pod.ports);
    return pod;
  }
  Object node(const base::ObjectKey& key) {
    policy::Node node{key.name, labels(), several(3, [&] { return ip(); }),
                      several(2, [&] { return prefix(); })};
    sortUnique(node.addresses);
    for (auto place = node.addresses.rbegin(); place != node.addresses.rend(); ++place)
      if (chance(2)) node.internalIps.push_back(*place);
    node.networkUnavailable = chance(4);
    return node;
  }
  Object ns(const base::ObjectKey& key) {
    auto entries = labels().entries();
    entries.emplace_back("kubernetes.io/metadata.name", key.ns);
    return policy::Namespace{key.ns, policy::Labels(std::move(entries))};
  }
  Object object() {
    base::ObjectKey key{name(63), name(253)};
    switch (below(4)) {
      case 0: return ns(key);
      case 1: return node(key);
      case 2: return pod(std::move(key));
      default: return networkPolicy(std::move(key));
    }
  }

 private:
  template <typename T>
  static void sortUnique(std::vector<T>& values) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }

  std::mt19937& random_;
};

}  // namespace

std::vector<Object> randomObjects(std::mt19937& random, std::size_t count) {
  Draw draw(random);
  std::vector<Object> objects;
  while (objects.size() < count) {
    Object object = draw.object();
    const auto id = idOf(object);
    const bool known = std::ranges::any_of(objects, [&](const Object& o) { return idOf(o) == id; });
    if (!known) objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace kpol::kube::testing
