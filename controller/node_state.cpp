// SPDX-License-Identifier: Apache-2.0
#include "controller/node_state.hpp"

#include <algorithm>

namespace kpol::controller {

bool isReady(const NodeState& state) {
  return state.loop.committed() != nullptr;
}

std::vector<policy::Diagnostic> diagnosticsOf(const NodeState& state) {
  std::vector<policy::Diagnostic> all = state.startDiagnostics;
  const auto source = state.objects.diagnostics();
  const auto& compiled = state.loop.diagnostics();
  const auto stored = state.store.diagnostics();
  all.insert(all.end(), stored.begin(), stored.end());
  all.insert(all.end(), source.begin(), source.end());
  all.insert(all.end(), compiled.begin(), compiled.end());
  std::sort(all.begin(), all.end());
  return all;
}

TableSize tableSizeOf(const NodeState& state) {
  TableSize size;
  const auto& table = state.loop.applied();
  if (!table) return size;
  size.sets = table->sets.size();
  size.chains = table->chains.size();
  for (const auto& [name, chain] : table->chains) size.rules += chain.rules.size();
  for (const auto& [name, set] : table->sets) size.elements += set.elements.size();
  return size;
}

}  // namespace kpol::controller
