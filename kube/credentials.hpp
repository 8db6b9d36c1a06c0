// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/async/task.hpp"
#include "kube/cluster_config.hpp"
#include "kube/exec_credential.hpp"

#include <optional>
#include <string>

namespace kpol::kube {

// As whom a request is made. Never logged.
struct Identity {
  std::string token;           // empty: none
  std::string certificatePem;  // empty: none
  std::string keyPem;
};

// Whom a ClusterConfig makes us at this moment: files are read anew for every request, for tokens
// and certificates rotate; an exec plugin is asked again shortly before what it gave expires.
class Credentials {
 public:
  explicit Credentials(ClusterConfig config) : config_(std::move(config)) {}
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  [[nodiscard]] const ClusterConfig& config() const { return config_; }

  // Throws ApiError when it cannot be had.
  base::Task<Identity> identity();
  // The certificates that may have signed the server's; empty: those the system trusts. Throws
  // ApiError.
  [[nodiscard]] std::string authorities() const;
  // The server did not take the identity: an exec plugin is asked anew.
  void renew() { given_.reset(); }

 private:
  base::Task<ExecCredential> fromPlugin();

  ClusterConfig config_;
  std::optional<ExecCredential> given_;
  bool asking_ = false;  // one at a time
  base::Event answered_;
};

}  // namespace kpol::kube
