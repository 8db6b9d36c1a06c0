// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"
#include "netlink/netns.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/bandwidth.hpp"
#include "plugin/host_ports.hpp"
#include "plugin/interface.hpp"
#include "plugin/ipam.hpp"
#include "plugin/kpold.hpp"
#include "plugin/plan.hpp"
#include "plugin/rollback.hpp"
#include "plugin/verbs.hpp"

#include <algorithm>
#include <cerrno>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using conf::CniFailure;
using netlink::Netns;

Netns openPod(const Request& request) {
  try {
    auto pod = Netns::open(request.env.netns);
    if (pod.id() == Netns::current().id())
      throw CniFailure(CniCode::InvalidEnvironment,
                       "CNI_NETNS " + request.env.netns + " is the node's own namespace",
                       "pods on the node's network need no CNI plugin");
    return pod;
  } catch (const base::SystemError& error) {
    if (error.code() != ENOENT) throw;
    throw CniFailure(CniCode::UnknownContainer, error.what(), "the pod has ended");
  }
}

void requirePodName(const Request& request) {
  const auto& pod = request.env.args.pod;
  if (request.config.policy == conf::PolicyMode::None || (!pod.ns.empty() && !pod.name.empty()))
    return;
  throw CniFailure(
      CniCode::InvalidEnvironment,
      "CNI_ARGS has no K8S_POD_NAMESPACE and K8S_POD_NAME, so no policy can be enforced",
      "the container runtime must set them; without Kubernetes, set \"policy\": \"none\" in the "
      "network config");
}

bool isChained(const Request& request) {
  return request.config.ipam.type.empty();
}

// The addresses that `result` assigns to the interface of this request. An address without an
// interface index counts as one of them.
std::vector<base::IpAddress> ipsOf(const conf::CniResult& result, const Request& request) {
  std::vector<base::IpAddress> ips;
  for (const auto& ip : result.ips) {
    const auto* interface = ip.interface ? &result.interfaces.at(*ip.interface) : nullptr;
    const bool ours = interface == nullptr || (!interface->sandbox.empty() &&
                                               interface->name == request.env.ifName->text());
    if (ours) ips.push_back(ip.address);
  }
  return ips;
}

std::string addChained(const Request& request) {
  const auto& previous = *request.config.prevResult;
  const auto ips = ipsOf(previous.result, request);
  if (ips.empty())
    throw conf::ConfigError("prevResult.ips",
                            "has no address for interface " + request.env.ifName->text());
  const auto alone = lockAttachment(request, idOf(request));
  const auto hostEnd = findHostEnd(openPod(request), *request.env.ifName);
  if (request.config.policy == conf::PolicyMode::Required) requireFiltered(hostEnd);
  Rollback rollback;
  if (const auto bandwidth = bandwidthPlanFor(request)) {
    netlink::RouteSocket node;
    if (const auto link = node.findLink(hostEnd)) limitBandwidth(node, *link, *bandwidth, rollback);
  }
  rollback.add("register with kpold", [&] { forget(request.config, idOf(request)); });
  enforce(request.config, attachmentOf(request, hostEnd, ips));
  forgetFlowsTo(request.config.hostPorts);
  rollback.dismiss();
  return conf::passThrough(previous.json, request.config.version);
}

// The plan, including what depends on the pod's other interfaces.
AttachPlan wholePlanFor(const Request& request, const std::vector<base::IpAddress>& ips,
                        const Netns& pod) {
  auto plan = planFor(request, ips);
  const auto elsewhere = familiesRoutedElsewhere(pod, *request.env.ifName);
  if (!elsewhere.empty()) makeSecondary(plan, elsewhere, routeTableOf(idOf(request)));
  return plan;
}

// CHECK compares the configured MTU, else the MTU in the result of ADD (since CNI 1.1.0).
AttachPlan planToCheck(const Request& request, const std::vector<base::IpAddress>& ips,
                       const Netns& pod) {
  auto plan = wholePlanFor(request, ips, pod);
  for (const auto& interface : request.config.prevResult->result.interfaces)
    if (plan.mtu == 0 && interface.name == plan.pod.name.text()) plan.mtu = interface.mtu;
  return plan;
}

// Another plugin made the interface, so only the bandwidth limits are checked.
std::vector<std::string> findChainedFaults(const Request& request, const Netns& pod) {
  const auto bandwidth = bandwidthPlanFor(request);
  if (!bandwidth) return {};
  netlink::RouteSocket node;
  const auto link = node.findLink(findHostEnd(pod, *request.env.ifName));
  return link ? bandwidthFaults(node, *link, *bandwidth) : std::vector<std::string>{};
}

}  // namespace

std::string add(const Request& request) {
  requirePodName(request);
  requireServable(request.config);
  if (request.config.prevResult && isChained(request)) return addChained(request);
  if (request.config.prevResult)
    throw conf::ConfigError("ipam", "must not be given if kpol is chained after another plugin");
  if (isChained(request))
    throw conf::ConfigError("ipam.type", "must be given if kpol is the first plugin");

  const auto pod = openPod(request);
  const auto alone = lockAttachment(request, idOf(request));
  awaitReleases(request, pod);
  Rollback rollback;
  const auto assignment = assign(request);
  rollback.add("assign addresses", [&] { release(request); });
  auto plan = wholePlanFor(request, assignment.ips, pod);
  if (plan.mtu == 0) plan.mtu = uplinkMtu();
  if (!plan.pod.rules.empty()) rollback.add("add rules", [&] { removeRules(pod, idOf(request)); });
  const auto mtu = makeInterface(plan, pod, rollback);
  rollback.add("register with kpold", [&] { forget(request.config, idOf(request)); });
  auto attachment = attachmentOf(request, plan.host.name, assignment.ips);
  attachment.mac = plan.pod.mac;
  enforce(request.config, attachment);
  forgetFlowsTo(request.config.hostPorts);

  auto result = resultOf(request, plan, mtu);
  if (result.dns == conf::CniDns{}) result.dns = assignment.dns;
  auto text = print(result, request.config.version);
  rollback.dismiss();
  return text;
}

void check(const Request& request) {
  if (!request.config.prevResult) throw conf::ConfigError("prevResult", "must be given for CHECK");
  const auto pod = openPod(request);
  const auto ips = ipsOf(request.config.prevResult->result, request);
  if (!isChained(request)) verifyHeld(request, ips);
  std::string text;
  for (const auto& fault : isChained(request) ? findChainedFaults(request, pod)
                                              : findFaults(planToCheck(request, ips, pod), pod))
    text += (text.empty() ? "" : "; ") + fault;
  if (!text.empty()) throw CniFailure(CniCode::CheckFailed, text, "delete and recreate the pod");
  verifyKnown(request.config, idOf(request));
}

}  // namespace kpol::plugin
