// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

#include <memory>

namespace kpol::controller {

// kpold put together: one io_context on the calling thread, and everything that runs on it.
class Daemon {
 public:
  // Takes the socket, reads the state directory and opens the kernel in the calling thread's
  // network namespace; changes nothing in the kernel. Throws base::Error and what the parts throw.
  explicit Daemon(const conf::DaemonConfig& config);
  ~Daemon();

  // Until SIGTERM or SIGINT; then the kernel stays as it is. Throws what ends the process.
  void run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kpol::controller
