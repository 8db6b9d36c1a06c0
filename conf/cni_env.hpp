// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/object_key.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The environment variables that the runtime passes to a CNI plugin.
namespace kpol::conf {

enum class CniCommand : std::uint8_t { Add, Del, Check, Gc, Status, Version };
std::string_view toString(CniCommand command);

// CNI_ARGS. Keys may have any order. If a key is repeated, the last one counts.
struct CniArgs {
  base::ObjectKey pod;                       // K8S_POD_NAMESPACE, K8S_POD_NAME; empty if not given
  std::string podUid;                        // K8S_POD_UID
  std::vector<base::IpAddress> ips;          // IP, comma-separated; a "/length" is ignored
  std::optional<base::MacAddress> mac = {};  // MAC
  bool operator==(const CniArgs&) const = default;
};

struct CniEnv {
  CniCommand command = CniCommand::Version;
  std::string containerId;             // may be empty for GC, STATUS and VERSION
  std::string netns;                   // path; required only for ADD and CHECK
  std::optional<base::IfName> ifName;  // never nullopt for ADD, DEL and CHECK
  CniArgs args;
  std::vector<std::string> path;  // CNI_PATH, split at ':'
  bool operator==(const CniEnv&) const = default;
};

// A variable is missing or invalid (CNI error code 4). what() names the variable.
class EnvError : public base::Error {
 public:
  using Error::Error;
};

using EnvLookup = std::function<std::optional<std::string>(const char* name)>;

// Reads the variables. Checks that those that the command requires are there (CNI specification,
// "Parameters") and that all given values are valid. As in the reference plugins, unknown keys of
// CNI_ARGS are rejected unless IgnoreUnknown is true, so that a misspelt K8S_POD_NAME does not pass
// as "no pod". For DEL an invalid CNI_ARGS is ignored, because DEL must succeed even for what ADD
// rejected. Throws EnvError.
CniEnv parseCniEnv(const EnvLookup& lookup);

}  // namespace kpol::conf
