// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/cni_config.hpp"
#include "controller/host_firewalls.hpp"
#include "controller/node_network.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"
#include "nft/kernel.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace kpol::controller {

// Everything kpold can be asked about; what status, show and metrics are made from.
struct NodeState {
  std::string version;
  std::string nodeName;
  std::string source;
  std::chrono::system_clock::time_point startedAt;
  const Store& store;
  const ReconcileLoop& loop;
  const nft::Kernel& kernel;
  const Source& objects;  // where the store's come from
  const CniConfig& cniConfig;
  const NodeNetwork& network;
  const HostFirewalls& hostFirewalls;
  std::vector<policy::Diagnostic> startDiagnostics;  // attachments that could not be restored
};

// The source was read and its policy is in the kernel.
bool isReady(const NodeState& state);
// All that is known to be wrong, sorted.
std::vector<policy::Diagnostic> diagnosticsOf(const NodeState& state);

using TableSize = policy::Engine::Size;
// Of the table in the kernel; all zero when there is none.
TableSize tableSizeOf(const NodeState& state);

}  // namespace kpol::controller
