// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "kube/cluster_config.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::kube {

// The status of an ExecCredential (client.authentication.k8s.io/v1).
struct ExecCredential {
  std::string token;
  std::string certificatePem;
  std::string keyPem;
  std::optional<std::chrono::sys_seconds> expiresAt;  // nothing: never
};

// Throws ApiError; the message holds nothing of `json`.
ExecCredential readExecCredential(std::string_view json);

// "2026-01-31T12:00:00Z", with fractions of a second and offsets too; the fractions are cut off.
// Whole seconds, because system_clock's own nanoseconds end in the year 2262.
std::optional<std::chrono::sys_seconds> parseRfc3339(std::string_view text);

// Whether it is of no use from now on, or within a quarter of a minute.
bool expires(const ExecCredential& credential, std::chrono::system_clock::time_point now);

// Runs the plugin to its end, at most a minute; its standard error goes where ours goes. Throws
// ApiError when it fails or prints something else.
base::Task<ExecCredential> askExecPlugin(const ExecPlugin& plugin);

}  // namespace kpol::kube
