// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/cni_config.hpp"
#include "controller/holder_link.hpp"
#include "controller/host_firewalls.hpp"
#include "controller/metrics_port.hpp"
#include "controller/node_network.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/revoker.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"
#include "nft/kernel.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace kpol::controller {

// All state that kpold can report: the input of status, show and metrics.
struct NodeState {
  std::string version;
  std::string nodeName;
  std::string source;
  std::chrono::system_clock::time_point startedAt;
  const Store& store;
  const ReconcileLoop& loop;
  const nft::Kernel& kernel;
  const HolderLink& holder;
  const Source& objects;  // the source of the store's objects
  const CniConfig& cniConfig;
  const NodeNetwork& network;
  const HostFirewalls& hostFirewalls;
  const MetricsPort& metricsPort;
  const Revoker& revoker;
  std::vector<policy::Diagnostic> startDiagnostics;  // attachments that could not be restored
};

// Whether the source was read and its policy was committed once.
bool isReady(const NodeState& state);
// All current errors and warnings, sorted.
std::vector<policy::Diagnostic> diagnosticsOf(const NodeState& state);

using TableSize = policy::Engine::Size;
// The size of the table as the engine has it, which may be ahead of the kernel; zero before the
// first commit.
TableSize tableSizeOf(const NodeState& state);

}  // namespace kpol::controller
