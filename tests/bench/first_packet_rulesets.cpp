// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/first_packet_rulesets.hpp"

#include "tests/bench/first_packet_site.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kpol::bench {
namespace {

using policy::Labels;
using policy::LabelSelector;
using policy::Pod;

// 10.128.0.0 and up: peers elsewhere. 10.64.0.0 and up: other local pods.
base::IpAddress numbered(std::uint8_t second, std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(second + (number >> 16U)),
                                          static_cast<std::uint8_t>(number >> 8U),
                                          static_cast<std::uint8_t>(number)};
  return *base::IpAddress::fromBytes(bytes);
}

std::string padded(const std::string& prefix, std::size_t number) {
  const auto digits = std::to_string(number);
  return prefix + std::string(6 - digits.size(), '0') + digits;
}

LabelSelector app(const std::string& name) {
  return {Labels({{"app", name}}), {}};
}

Pod podOf(const std::string& name, const std::string& label, const base::IpAddress& ip) {
  Pod pod;
  pod.key = {"shop", name};
  pod.phase = policy::PodPhase::Running;
  pod.labels = Labels({{"app", label}});
  pod.ips = {ip};
  return pod;
}

// The addresses a policy admits; the last policy's are the client's as well.
std::vector<std::string> peersOf(const Shape& shape, std::size_t policy) {
  std::vector<std::string> peers;
  for (std::size_t i = 0; i < shape.peersOfEach; ++i)
    peers.push_back(toString(numbered(128, policy * shape.peersOfEach + i)));
  if (policy + 1 == shape.policies) peers.push_back(kClientIp);
  return peers;
}

std::vector<std::string> localPods(const Shape& shape) {
  std::vector<std::string> ips{kClientIp, kServerIp};
  for (std::size_t i = 2; i < shape.localPods; ++i) ips.push_back(toString(numbered(64, i)));
  return ips;
}

policy::NetworkPolicy admitting(const std::string& name, LabelSelector target, LabelSelector peer) {
  policy::NetworkPolicy policy;
  policy.key = {"shop", name};
  policy.podSelector = std::move(target);
  policy::PolicyRule rule;
  rule.peers = {{std::move(peer), {}, {}}};
  rule.ports = {{base::Protocol::Udp, *base::PortRange::single(kPort)},
                {base::Protocol::Tcp, *base::PortRange::single(kPort)}};
  policy.ingress = {std::move(rule)};
  return policy;
}

void addLocalPod(policy::Snapshot& snapshot, Pod pod, const std::string& interface) {
  snapshot.endpoints.push_back({pod.key, *base::IfName::parse(interface), pod.ips});
  snapshot.pods.push_back(std::move(pod));
}

}  // namespace

policy::Snapshot clusterOf(const Shape& shape) {
  policy::Snapshot snapshot;
  snapshot.namespaces = {{"shop", Labels({{"kubernetes.io/metadata.name", std::string("shop")}})}};
  const auto clientApp =
      shape.policies == 0 ? std::string("client") : padded("peer-", shape.policies - 1);
  addLocalPod(snapshot, podOf("client", clientApp, *base::IpAddress::parse(kClientIp)),
              kClientInterface);
  addLocalPod(snapshot, podOf("server", "server", *base::IpAddress::parse(kServerIp)),
              kServerInterface);
  for (std::size_t i = 2; i < shape.localPods; ++i)
    addLocalPod(snapshot, podOf(padded("local-", i), "local", numbered(64, i)),
                padded("kpolocal", i));
  for (std::size_t p = 0; p < shape.policies; ++p) {
    snapshot.policies.push_back(
        admitting(padded("policy-", p), app("server"), app(padded("peer-", p))));
    for (std::size_t i = 0; i < shape.peersOfEach; ++i) {
      const auto number = p * shape.peersOfEach + i;
      snapshot.pods.push_back(
          podOf(padded("remote-", number), padded("peer-", p), numbered(128, number)));
    }
  }
  if (shape.localPods > 2)
    snapshot.policies.push_back(admitting("local", app("local"), app("server")));
  std::ranges::sort(snapshot.pods, {}, &Pod::key);
  std::ranges::sort(snapshot.policies, {}, &policy::NetworkPolicy::key);
  std::ranges::sort(snapshot.endpoints);
  return snapshot;
}

std::string ipsetText(const Shape& shape) {
  std::string text;
  for (std::size_t p = 0; p < shape.policies; ++p) {
    const auto number = std::to_string(p);
    text += "create src" + number + " hash:ip\ncreate dst" + number + " hash:ip\n";
    for (const auto& peer : peersOf(shape, p)) text += "add src" + number + " " + peer + "\n";
    text += "add dst" + number + " " + kServerIp + "\n";
  }
  return text;
}

std::string iptablesText(const Shape& shape) {
  const auto pods = localPods(shape);
  std::string declarations = "*filter\n:FORWARD ACCEPT [0:0]\n:ROUTER-FORWARD - [0:0]\n";
  std::string rules = "-A FORWARD -j ROUTER-FORWARD\n";
  for (std::size_t i = pods.size(); i > 0; --i) {  // the client and the server are last
    const auto chain = "POD-FW-" + std::to_string(i - 1);
    declarations += ":" + chain + " - [0:0]\n";
    rules += "-A ROUTER-FORWARD -d " + pods[i - 1] + " -j " + chain + "\n";
    rules += "-A ROUTER-FORWARD -s " + pods[i - 1] + " -j " + chain + "\n";
    rules += "-A " + chain + " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    if (pods[i - 1] != kServerIp) continue;  // the others are not isolated
    for (std::size_t p = 0; p < shape.policies; ++p)
      rules += "-A " + chain + " -j NWPLCY-" + std::to_string(p) + "\n";
    rules += "-A " + chain + " -m mark ! --mark 0x10000/0x10000 -j DROP\n";
    rules += "-A " + chain + " -j MARK --set-xmark 0x0/0x10000\n";
  }
  for (std::size_t p = 0; p < shape.policies; ++p) {
    const auto number = std::to_string(p);
    declarations += ":NWPLCY-" + number + " - [0:0]\n";
    for (const char* protocol : {"udp", "tcp"}) {
      const auto match = "-A NWPLCY-" + number + " -m set --match-set src" + number +
                         " src -m set --match-set dst" + number + " dst -p " + protocol +
                         " --dport " + std::to_string(kPort);
      rules += match + " -j MARK --set-xmark 0x10000/0x10000\n";
      rules += match + " -m mark --mark 0x10000/0x10000 -j RETURN\n";
    }
  }
  return declarations + rules + "COMMIT\n";
}

std::string chainPerPolicyText(const Shape& shape) {
  std::string sets;
  std::string chains;
  std::string asks;
  for (std::size_t p = 0; p < shape.policies; ++p) {
    const auto number = std::to_string(p);
    sets += "set s" + number + " { type ipv4_addr; size 128; elements = { ";
    for (const auto& peer : peersOf(shape, p)) sets += peer + ", ";
    sets += "} }\n";
    chains += "chain p" + number + " { ip saddr @s" + number +
              " meta l4proto . th dport { udp . 9000, tcp . 9000 } accept; }\n";
    asks += "jump p" + number + "; ";
  }
  std::string dispatch;
  for (const auto& pod : localPods(shape)) {
    if (pod == kClientIp) continue;
    dispatch += pod + " : goto " + (pod == kServerIp ? "server" : "other") + ", ";
  }
  return "table inet linear {\n" + sets + chains + "chain server { " + asks +
         "drop; }\nchain other { drop; }\n"
         "map pods { type ipv4_addr : verdict; size 4096; elements = { " +
         dispatch +
         "} }\n"
         "chain forward { type filter hook forward priority -5; policy accept;\n"
         "ct state established,related accept\nip daddr vmap @pods\n}\n}\n";
}

}  // namespace kpol::bench
