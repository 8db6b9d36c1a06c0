// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.hpp"
#include "kube/decode_addresses.hpp"
#include "kube/decode_kinds.hpp"
#include "kube/decode_meta.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace kpol::kube {
namespace {

using policy::ContainerPort;
using policy::PodPhase;

PodPhase decodePhase(const Field& field) {
  const auto text = field.text();
  // The phase is empty until a kubelet has reported on the Pod.
  if (!text || text->empty() || *text == "Pending") return PodPhase::Pending;
  if (*text == "Running") return PodPhase::Running;
  if (*text == "Succeeded") return PodPhase::Succeeded;
  if (*text == "Failed") return PodPhase::Failed;
  if (*text != "Unknown") {
    field.refuse("must be Pending, Running, Succeeded, Failed or Unknown, found " + field.found());
  }
  return PodPhase::Unknown;
}

// Reads podIPs, and podIP, which repeats the first of them.
std::vector<base::IpAddress> decodePodIps(const Field& status) {
  std::vector<base::IpAddress> ips;
  const Field podIps = status["podIPs"];
  for (const Field& item : podIps.items()) {
    if (!item.object()) continue;
    const Field field = item["ip"];
    if (const auto ip = decodeIp(field)) ips.push_back(*ip);
  }
  const Field podIp = status["podIP"];
  if (const auto ip = decodeIp(podIp)) ips.push_back(*ip);
  return canonical(std::move(ips));
}

std::optional<base::Protocol> decodeContainerProtocol(const Field& field) {
  const auto text = field.text();
  if (!text || text->empty()) return base::Protocol::Tcp;
  const auto protocol = base::parseProtocol(*text);
  if (!protocol) field.refuse("must be TCP, UDP or SCTP, found " + field.found());
  return protocol;
}

std::optional<ContainerPort> decodeContainerPort(const Field& field) {
  if (!field.object()) return std::nullopt;
  const auto errors = field.report().errors;
  const Field name = field["name"];
  const Field containerPort = field["containerPort"];
  const Field protocolField = field["protocol"];
  const auto nameText = name.text().value_or("");
  if (!nameText.empty()) name.check(portNameFlaw(nameText));
  const auto protocol = decodeContainerProtocol(protocolField);
  const auto number = containerPort.required() ? containerPort.integer() : std::nullopt;
  const auto port = base::PortRange::single(number.value_or(0));
  if (number && !port) containerPort.fail("must be 1..65535, found " + containerPort.found());
  if (!port || !protocol || field.report().errors != errors) return std::nullopt;
  return ContainerPort{std::string(nameText), *protocol, port->first()};
}

void decodePorts(const Field& container, std::vector<ContainerPort>& ports) {
  const Field list = container["ports"];
  for (const Field& item : list.items()) {
    if (auto port = decodeContainerPort(item)) ports.push_back(std::move(*port));
  }
}

// Of the init containers only sidecars, which keep running beside the other containers, can listen
// while policies apply (restartPolicy: Always, types.go Container).
std::vector<ContainerPort> decodeContainers(const Field& spec) {
  std::vector<ContainerPort> ports;
  const Field containers = spec["containers"];
  for (const Field& container : containers.items()) {
    if (container.object()) decodePorts(container, ports);
  }
  const Field initContainers = spec["initContainers"];
  for (const Field& container : initContainers.items()) {
    if (!container.object()) continue;
    const Field restartPolicy = container["restartPolicy"];
    if (restartPolicy.text() == "Always") decodePorts(container, ports);
  }
  std::ranges::sort(ports);
  const auto duplicates = std::ranges::unique(ports);
  ports.erase(duplicates.begin(), duplicates.end());
  return ports;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool isNumber = error == std::errc() && end == text.data() + text.size() && value >= 0;
  return isNumber ? std::optional(value) : std::nullopt;
}

// "2006-01-02T15:04:05Z", the only form in which the API server writes a metav1.Time. Returns 0 for
// any other text, and for a time that is not in 1970..2105.
std::uint32_t parseTime(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return 0;
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] != '0' && text[i] != kForm[i]) return 0;
  const auto part = [&](std::size_t at, std::size_t size) { return number(text.substr(at, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return 0;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return 0;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86400 + *hour * 3600 + *minute * 60 + *second;
  return seconds < 0 || seconds > UINT32_MAX ? 0 : static_cast<std::uint32_t>(seconds);
}

// The times decide only between pods that report the same address (policy::claimsBefore()).
void decodeTimes(const Field& metadata, policy::Pod& pod) {
  const Field created = metadata["creationTimestamp"];
  const Field deleted = metadata["deletionTimestamp"];
  const auto text = created.text();
  pod.created = parseTime(text.value_or(""));
  if (text && pod.created == 0)
    created.warn("must be a time such as 2006-01-02T15:04:05Z, found " + created.found());
  pod.terminating = deleted.present();
}

// The kubelet writes both annotations to the mirror pod of a static pod (pkg/kubelet/types
// pod_update.go, pkg/kubelet/pod/mirror_client.go), with the static pod's own UID, which it also
// passes to the container runtime. The mirror pod's metadata.uid is another one.
std::string decodeConfigHash(const Field& root) {
  const Field metadata = root["metadata"];
  const Field annotations = metadata["annotations"];
  for (const char* name : {"kubernetes.io/config.mirror", "kubernetes.io/config.hash"}) {
    const Field annotation = annotations[name];
    if (!annotation.blank()) return std::string(annotation.text().value_or(""));
  }
  return {};
}

}  // namespace

policy::Pod decodePod(const Field& root) {
  ObjectMeta meta = decodeMeta(root, Kind::Pod);
  const Field metadata = root["metadata"];
  const Field spec = root["spec"];
  const Field status = root["status"];
  static_cast<void>(spec.object());
  static_cast<void>(status.object());
  const Field nodeName = spec["nodeName"];
  const Field hostNetwork = spec["hostNetwork"];
  const Field phase = status["phase"];
  policy::Pod pod;
  pod.key = std::move(meta.key);
  pod.uid = std::move(meta.uid);
  pod.labels = std::move(meta.labels);
  pod.nodeName = nodeName.text().value_or("");
  pod.hostNetwork = hostNetwork.boolean().value_or(false);
  pod.ports = decodeContainers(spec);
  pod.phase = decodePhase(phase);
  pod.ips = decodePodIps(status);
  decodeTimes(metadata, pod);
  pod.configHash = decodeConfigHash(root);
  return pod;
}

}  // namespace kpol::kube
