// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"

#include <functional>
#include <memory>

namespace kpol::controller {

// The source that `config` names. `changed` is called after changes of the store. Reads the
// kubeconfig, or what a pod is told about its cluster. Throws base::Error when there can be none.
std::unique_ptr<Source> makeSource(const conf::DaemonConfig& config, Store& store,
                                   std::function<void()> changed);

}  // namespace kpol::controller
