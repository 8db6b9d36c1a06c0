// SPDX-License-Identifier: Apache-2.0
#include "controller/cluster_event.hpp"

#include "controller/json_text.hpp"

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

namespace kpol::controller {
namespace {

// NoteLengthLimit in pkg/apis/core/validation/events.go.
constexpr std::size_t kLongestMessage = 1024;

std::string namespaceOf(const ClusterEvent& event) {
  return event.object.ns.empty() ? "default" : event.object.ns;
}

Json objectOf(const ClusterEvent& event) {
  Json object{{"apiVersion", event.apiVersion}, {"kind", event.kind}, {"name", event.object.name}};
  if (!event.object.ns.empty()) object["namespace"] = event.object.ns;
  // The kubelet uses the node's name as UID too, and `kubectl describe node` searches for it.
  if (event.kind == "Node") object["uid"] = event.object.name;
  return object;
}

std::string timeText(std::chrono::system_clock::time_point at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

}  // namespace

std::string pathOf(const ClusterEvent& event) {
  return "/api/v1/namespaces/" + namespaceOf(event) + "/events";
}

std::string bodyOf(const ClusterEvent& event, const std::string& node,
                   std::chrono::system_clock::time_point at) {
  const auto time = timeText(at);
  return dump({{"apiVersion", "v1"},
               {"kind", "Event"},
               {"metadata", {{"generateName", "kpold-"}, {"namespace", namespaceOf(event)}}},
               {"involvedObject", objectOf(event)},
               {"type", event.type == ClusterEvent::Type::Warning ? "Warning" : "Normal"},
               {"reason", event.reason},
               {"message", event.message.substr(0, kLongestMessage)},
               {"source", {{"component", "kpold"}, {"host", node}}},
               {"reportingComponent", "kpol.io/kpold"},
               {"reportingInstance", node},
               {"firstTimestamp", time},
               {"lastTimestamp", time},
               {"count", 1}});
}

std::string networkAvailablePatch(std::chrono::system_clock::time_point at) {
  const auto time = timeText(at);
  // Conditions are merged by their type.
  const Json condition{
      {"type", "NetworkUnavailable"}, {"status", "False"},
      {"reason", "KpolIsUp"},         {"message", "kpold has made the network of this node"},
      {"lastHeartbeatTime", time},    {"lastTransitionTime", time}};
  return dump({{"status", {{"conditions", Json::array({condition})}}}});
}

}  // namespace kpol::controller
