// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task_group.hpp"
#include "conf/daemon_config.hpp"
#include "controller/http_server.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace kpol::controller {

// Serves metrics and health at the configured address. kpold enforces policies also while another
// process has the port: the error is reported, and listening is tried again every few seconds.
class MetricsPort {
 public:
  // `connections` outlives the connections. Without `listen`, run() returns at once.
  MetricsPort(std::optional<conf::ListenAddress> listen, HttpHandler handler,
              base::TaskGroup& connections,
              std::chrono::milliseconds pause = std::chrono::seconds(5))
      : listen_(std::move(listen)),
        handler_(std::move(handler)),
        connections_(connections),
        pause_(pause) {}

  // Runs until cancelled.
  base::Task<> run();

  // Why the port is not served now; empty if it is, or if none is configured.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  [[nodiscard]] base::UniqueFd tryToListen();

  std::optional<conf::ListenAddress> listen_;
  HttpHandler handler_;
  base::TaskGroup& connections_;
  std::chrono::milliseconds pause_;  // between attempts to listen
  std::string trouble_;
};

}  // namespace kpol::controller
