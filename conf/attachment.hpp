// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/object_key.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The data that the plugin sends to kpold about one interface of one pod, and its JSON form: the
// body of PUT /v1/attachments and the content of a file in <state-dir>/attachments/.
namespace kpol::conf {

struct Attachment {
  std::string containerId;
  base::IfName ifName;         // inside the pod
  base::IfName hostInterface;  // on the node
  base::ObjectKey pod;
  std::string podUid;                          // empty if the runtime gave none
  std::string netns;                           // path, as given by the runtime
  std::vector<base::IpAddress> ips;            // sorted, unique, not empty
  std::vector<base::HostPort> hostPorts = {};  // sorted, unique
  // Of the interface in the pod; nullopt if another plugin made it, or registered by an older kpol.
  std::optional<base::MacAddress> mac = {};
  auto operator<=>(const Attachment&) const = default;
};

// Identifies an attachment of a container. Unique on a node.
struct AttachmentId {
  std::string containerId;
  std::string ifName;
  auto operator<=>(const AttachmentId&) const = default;
};
AttachmentId idOf(const Attachment& attachment);

// {"containerID":…,"ifName":…,"hostInterface":…,"pod":{"namespace":…,"name":…,"uid":…},
//  "netns":…,"ips":[…],"hostPorts":[…],"mac":…}; without hostPorts and mac if there are none
std::string print(const Attachment& attachment);
// Throws conf::ConfigError naming the field.
Attachment parseAttachment(std::string_view json);

// The file of an attachment, relative to the state directory:
// "attachments/<containerID>-<ifName>.json". Container IDs contain no '/' (CNI specification).
std::string fileOf(const AttachmentId& id);

}  // namespace kpol::conf
