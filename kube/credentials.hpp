// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/async/task.hpp"
#include "kube/cluster_config.hpp"
#include "kube/exec_credential.hpp"

#include <optional>
#include <string>

namespace kpol::kube {

// The credentials of one request. Never logged.
struct Identity {
  std::string token;           // empty: none
  std::string certificatePem;  // empty: none
  std::string keyPem;
};

// Provides the current credentials of a ClusterConfig. Files are read for every request, because
// tokens and certificates are rotated. An exec plugin runs again shortly before its credential
// expires.
class Credentials {
 public:
  explicit Credentials(ClusterConfig config) : config_(std::move(config)) {}
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  [[nodiscard]] const ClusterConfig& config() const { return config_; }

  // Throws ApiError if the credentials are not available.
  base::Task<Identity> identity();
  // The authorities that may have signed the server's certificate; empty: those of the system.
  // Throws ApiError.
  [[nodiscard]] std::string authorities() const;
  // Call this if the server rejected the credentials: an exec plugin then runs again.
  void renew() { given_.reset(); }

 private:
  base::Task<ExecCredential> fromPlugin();

  ClusterConfig config_;
  std::optional<ExecCredential> given_;
  bool asking_ = false;  // only one plugin runs at a time
  base::Event answered_;
};

}  // namespace kpol::kube
