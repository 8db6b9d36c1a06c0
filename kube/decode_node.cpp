// SPDX-License-Identifier: Apache-2.0
#include "kube/decode_addresses.hpp"
#include "kube/decode_kinds.hpp"
#include "kube/decode_meta.hpp"

namespace kpol::kube {
namespace {

struct Addresses {
  std::vector<base::IpAddress> all;       // sorted, unique
  std::vector<base::IpAddress> internal;  // in the order of the object
};

// InternalIP and ExternalIP must be addresses. The other types are names, or sometimes addresses
// (some clouds set Hostname to the address).
Addresses decodeNodeAddresses(const Field& field) {
  Addresses addresses;
  for (const Field& item : field.items()) {
    if (!item.object()) continue;
    const Field type = item["type"];
    const Field address = item["address"];
    const auto typeText = type.text();
    const bool mustParse = typeText == "InternalIP" || typeText == "ExternalIP";
    const auto ip =
        mustParse ? decodeIp(address) : base::IpAddress::parse(address.text().value_or(""));
    if (!ip) continue;
    addresses.all.push_back(*ip);
    if (typeText == "InternalIP") addresses.internal.push_back(*ip);
  }
  addresses.all = canonical(std::move(addresses.all));
  return addresses;
}

std::vector<base::Prefix> decodePodCidrs(const Field& spec) {
  std::vector<base::Prefix> cidrs;
  const Field podCidrs = spec["podCIDRs"];
  for (const Field& item : podCidrs.items()) {
    if (const auto cidr = decodeCidr(item)) cidrs.push_back(*cidr);
  }
  // podCIDR is the older field; the API server keeps it equal to the first item of podCIDRs.
  const Field podCidr = spec["podCIDR"];
  const auto cidr = decodeCidr(podCidr);
  if (cidrs.empty() && cidr) cidrs.push_back(*cidr);
  return cidrs;
}

bool hasNetworkTaint(const Field& spec) {
  bool found = false;
  const Field taints = spec["taints"];
  for (const Field& item : taints.items()) {
    if (!item.object()) continue;
    const Field key = item["key"];
    found = key.text() == "node.kubernetes.io/network-unavailable" || found;
  }
  return found;
}

}  // namespace

policy::Node decodeNode(const Field& root) {
  ObjectMeta meta = decodeMeta(root, Kind::Node);
  const Field spec = root["spec"];
  const Field status = root["status"];
  static_cast<void>(spec.object());
  static_cast<void>(status.object());
  const Field field = status["addresses"];
  Addresses addresses = decodeNodeAddresses(field);
  return {meta.key.name,        std::move(meta.labels),        std::move(addresses.all),
          decodePodCidrs(spec), std::move(addresses.internal), hasNetworkTaint(spec)};
}

}  // namespace kpol::kube
