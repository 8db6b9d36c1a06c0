// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"

#include <functional>
#include <memory>

namespace kpol::controller {

// Returns the source that `config` names. `changed` is called after the store has changed. Reads
// the kubeconfig or the in-cluster configuration. Throws base::Error if the source cannot be
// created.
std::unique_ptr<Source> makeSource(const conf::DaemonConfig& config, Store& store,
                                   std::function<void()> changed);

}  // namespace kpol::controller
