// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/object_key.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the plugin tells kpold about one interface of one pod, and how it is written: the body of
// PUT /v1/attachments and the text of a file under <state-dir>/attachments/.
namespace kpol::conf {

struct Attachment {
  std::string containerId;
  base::IfName ifName;         // inside the pod
  base::IfName hostInterface;  // the pod's end on the node
  base::ObjectKey pod;
  std::string podUid;                          // empty when the runtime gives none
  std::string netns;                           // path, as the runtime gave it
  std::vector<base::IpAddress> ips;            // sorted, unique, not empty
  std::vector<base::HostPort> hostPorts = {};  // sorted, unique
  auto operator<=>(const Attachment&) const = default;
};

// One attachment of a container; unique on a node.
struct AttachmentId {
  std::string containerId;
  std::string ifName;
  auto operator<=>(const AttachmentId&) const = default;
};
AttachmentId idOf(const Attachment& attachment);

// {"containerID":…,"ifName":…,"hostInterface":…,"pod":{"namespace":…,"name":…,"uid":…},
//  "netns":…,"ips":[…],"hostPorts":[…]}; hostPorts only where there are any
std::string print(const Attachment& attachment);
// Throws conf::ConfigError naming the field.
Attachment parseAttachment(std::string_view json);

// The file of an attachment below the state directory: "attachments/<containerID>-<ifName>.json".
// Container IDs have no '/', as the CNI specification limits them.
std::string fileOf(const AttachmentId& id);

}  // namespace kpol::conf
