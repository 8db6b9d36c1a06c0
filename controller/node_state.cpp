// SPDX-License-Identifier: Apache-2.0
#include "controller/node_state.hpp"

#include "controller/third_party_pods.hpp"
#include "netlink/forwarding.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

// kpold enables it at start if it can; in a container /proc/sys is often read-only.
std::vector<policy::Diagnostic> forwardingDiagnostics() {
  std::vector<policy::Diagnostic> all;
  for (const auto& sysctl : netlink::notForwarding())
    all.push_back({policy::Diagnostic::Severity::Warning, "sysctl", "",
                   sysctl +
                       " is 0: the node forwards no packets from or to pods; the next ADD "
                       "enables it, or run sysctl -w " +
                       sysctl + "=1"});
  return all;
}

}  // namespace

bool isReady(const NodeState& state) {
  return state.loop.committed().has_value();
}

std::vector<policy::Diagnostic> diagnosticsOf(const NodeState& state) {
  std::vector<policy::Diagnostic> all = state.startDiagnostics;
  const auto source = state.objects.diagnostics();
  const auto& cni = state.cniConfig.status();
  if (!cni.trouble.empty())
    all.push_back({policy::Diagnostic::Severity::Warning, cni.file, "", cni.trouble});
  if (!cni.shadowedBy.empty())
    all.push_back(
        {policy::Diagnostic::Severity::Error, cni.shadowedBy, "", CniConfig::describeShadow(cni)});
  if (const auto& trouble = state.metricsPort.trouble(); !trouble.empty())
    all.push_back({policy::Diagnostic::Severity::Error, "metrics and health", "",
                   trouble + "; kpold enforces policies and tries again"});
  for (const auto& finding : state.hostFirewalls.findings())
    all.push_back({policy::Diagnostic::Severity::Warning, "host firewall", "", toString(finding)});
  if (const auto& trouble = state.hostFirewalls.trouble(); !trouble.empty())
    all.push_back({policy::Diagnostic::Severity::Warning, "host firewall", "", trouble});
  const auto forwarding = forwardingDiagnostics();
  all.insert(all.end(), forwarding.begin(), forwarding.end());
  const auto thirdParty = thirdPartyPodDiagnostics(state.store);
  all.insert(all.end(), thirdParty.begin(), thirdParty.end());
  const auto& compiled = state.loop.diagnostics();
  const auto stored = state.store.diagnostics();
  const auto network = state.network.diagnostics();
  all.insert(all.end(), network.begin(), network.end());
  all.insert(all.end(), stored.begin(), stored.end());
  all.insert(all.end(), source.begin(), source.end());
  all.insert(all.end(), compiled.begin(), compiled.end());
  std::sort(all.begin(), all.end());
  return all;
}

TableSize tableSizeOf(const NodeState& state) {
  return state.loop.tableSize();
}

}  // namespace kpol::controller
