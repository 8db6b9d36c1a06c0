// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "kube/object.hpp"
#include "policy/objects.hpp"

#include <string>
#include <utility>
#include <vector>

// Short spellings of the values that the tests of this folder share.
namespace kpol::controller {

inline base::IpAddress ip(const char* text) {
  return base::IpAddress::parse(text).value();
}

inline conf::Attachment attachment(std::string containerId, std::string pod,
                                   const char* hostInterface, const char* address,
                                   std::string uid = {}) {
  return {std::move(containerId),
          base::IfName::parse("eth0").value(),
          base::IfName::parse(hostInterface).value(),
          {"shop", std::move(pod)},
          std::move(uid),
          "/run/netns/x",
          {ip(address)}};
}

inline policy::Pod pod(std::string name, std::string uid = {},
                       std::vector<std::pair<std::string, std::string>> labels = {}) {
  policy::Pod pod;
  pod.key = {"shop", std::move(name)};
  pod.uid = std::move(uid);
  pod.phase = policy::PodPhase::Running;
  pod.labels = policy::Labels(std::move(labels));
  return pod;
}

inline policy::NetworkPolicy isolating(std::string name) {
  policy::NetworkPolicy policy;
  policy.key = {"shop", std::move(name)};
  return policy;
}

inline kube::WatchEvent added(kube::Object object) {
  return {kube::WatchEvent::Type::Added, std::move(object)};
}
inline kube::WatchEvent modified(kube::Object object) {
  return {kube::WatchEvent::Type::Modified, std::move(object)};
}
inline kube::WatchEvent deleted(kube::Object object) {
  return {kube::WatchEvent::Type::Deleted, std::move(object)};
}

}  // namespace kpol::controller
