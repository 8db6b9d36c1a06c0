// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

#include <memory>

namespace kpol::controller {

// All parts of kpold, which run on one io_context on the calling thread.
class Daemon {
 public:
  // Takes the socket, reads the state directory and opens nf_tables in the calling thread's network
  // namespace. Changes nothing in the kernel. Throws base::Error and what the parts throw.
  explicit Daemon(const conf::DaemonConfig& config);
  ~Daemon();

  // Runs until SIGTERM or SIGINT, and leaves the kernel as it is. Throws base::Error if the start
  // fails. A later exception that leaves a coroutine ends the process (base::TaskGroup).
  void run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace kpol::controller
