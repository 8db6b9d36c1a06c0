// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "kube/cluster_config.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::kube {

// The status of an ExecCredential (client.authentication.k8s.io).
struct ExecCredential {
  std::string token;
  std::string certificatePem;
  std::string keyPem;
  std::optional<std::chrono::sys_seconds> expiresAt;  // nullopt: never
};

// Throws ApiError, whose message contains no part of `json`.
ExecCredential readExecCredential(std::string_view json);

// Parses "2026-01-31T12:00:00Z", also with fractions of a second, which are cut off, and with
// offsets. Returns whole seconds, because the nanoseconds of system_clock end in the year 2262.
std::optional<std::chrono::sys_seconds> parseRfc3339(std::string_view text);

// Whether the credential has expired or expires within 15 s.
bool expires(const ExecCredential& credential, std::chrono::system_clock::time_point now);

// Runs the plugin until it exits, for at most a minute. It inherits our standard error. Throws
// ApiError if it fails or prints something else.
base::Task<ExecCredential> askExecPlugin(const ExecPlugin& plugin);

}  // namespace kpol::kube
