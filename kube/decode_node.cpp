// SPDX-License-Identifier: Apache-2.0
#include "kube/decode_addresses.hpp"
#include "kube/decode_kinds.hpp"
#include "kube/decode_meta.hpp"

namespace kpol::kube {
namespace {

// InternalIP and ExternalIP must be addresses; the other types are names, or addresses by accident
// (a cloud that puts the address into Hostname).
std::vector<base::IpAddress> decodeNodeAddresses(const Field& field) {
  std::vector<base::IpAddress> addresses;
  for (const Field& item : field.items()) {
    if (!item.object()) continue;
    const Field type = item["type"];
    const Field address = item["address"];
    const auto typeText = type.text();
    const bool mustParse = typeText == "InternalIP" || typeText == "ExternalIP";
    const auto ip =
        mustParse ? decodeIp(address) : base::IpAddress::parse(address.text().value_or(""));
    if (ip) addresses.push_back(*ip);
  }
  return canonical(std::move(addresses));
}

std::vector<base::Prefix> decodePodCidrs(const Field& spec) {
  std::vector<base::Prefix> cidrs;
  const Field podCidrs = spec["podCIDRs"];
  for (const Field& item : podCidrs.items()) {
    if (const auto cidr = decodeCidr(item)) cidrs.push_back(*cidr);
  }
  // The older field; the API server keeps it equal to the first of the list.
  const Field podCidr = spec["podCIDR"];
  const auto cidr = decodeCidr(podCidr);
  if (cidrs.empty() && cidr) cidrs.push_back(*cidr);
  return cidrs;
}

}  // namespace

policy::Node decodeNode(const Field& root) {
  ObjectMeta meta = decodeMeta(root, Kind::Node);
  const Field spec = root["spec"];
  const Field status = root["status"];
  static_cast<void>(spec.object());
  static_cast<void>(status.object());
  const Field addresses = status["addresses"];
  return {meta.key.name, std::move(meta.labels), decodeNodeAddresses(addresses),
          decodePodCidrs(spec)};
}

}  // namespace kpol::kube
