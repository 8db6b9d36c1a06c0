// SPDX-License-Identifier: Apache-2.0
#include "conf/attachment.hpp"

#include "conf/json_object.hpp"
#include "conf/port_mappings.hpp"

#include <algorithm>

namespace kpol::conf {

AttachmentId idOf(const Attachment& attachment) {
  return {attachment.containerId, attachment.ifName.text()};
}

std::string print(const Attachment& attachment) {
  Json ips = Json::array();
  for (const auto& ip : attachment.ips) ips.push_back(toString(ip));
  Json json{{"containerID", attachment.containerId},
            {"ifName", attachment.ifName.text()},
            {"hostInterface", attachment.hostInterface.text()},
            {"pod",
             {{"namespace", attachment.pod.ns},
              {"name", attachment.pod.name},
              {"uid", attachment.podUid}}},
            {"netns", attachment.netns},
            {"ips", std::move(ips)}};
  if (!attachment.hostPorts.empty()) json["hostPorts"] = toJson(attachment.hostPorts);
  if (attachment.mac) json["mac"] = toString(*attachment.mac);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Attachment parseAttachment(std::string_view json) {
  const Json parsed = parseJson(json, "attachment");
  const JsonObject object(parsed);
  Attachment attachment{object.string("containerID"),
                        object.interface("ifName"),
                        object.interface("hostInterface"),
                        {},
                        {},
                        object.optionalString("netns").value_or(""),
                        {},
                        {}};
  // The ID becomes part of a file name.
  if (attachment.containerId.find('/') != std::string::npos ||
      attachment.containerId.front() == '.')
    refuse("containerID", "a CNI container ID", Json(attachment.containerId));
  const auto pod = object.object("pod");
  if (!pod) throw ConfigError("pod", "must be given");
  attachment.pod = {pod->string("namespace"), pod->string("name")};
  attachment.podUid = pod->optionalString("uid").value_or("");

  object.each("ips", [&](const Json& element, const std::string& path) {
    attachment.ips.push_back(addressAt(element, path));
  });
  if (attachment.ips.empty()) throw ConfigError("ips", "must contain an address");
  std::sort(attachment.ips.begin(), attachment.ips.end());
  attachment.ips.erase(std::unique(attachment.ips.begin(), attachment.ips.end()),
                       attachment.ips.end());
  attachment.hostPorts = readPortMappings(object, "hostPorts");
  if (const auto text = object.optionalString("mac")) {
    attachment.mac = base::MacAddress::parse(*text);
    if (!attachment.mac || !isUsable(*attachment.mac))
      refuse("mac", "a unicast MAC address", Json(*text));
  }
  return attachment;
}

std::string fileOf(const AttachmentId& id) {
  return "attachments/" + id.containerId + "-" + id.ifName + ".json";
}

}  // namespace kpol::conf
