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

// What the runtime says in the environment of a CNI plugin.
namespace kpol::conf {

enum class CniCommand : std::uint8_t { Add, Del, Check, Gc, Status, Version };
std::string_view toString(CniCommand command);

// CNI_ARGS. Keys in any order; of a key given twice the last counts.
struct CniArgs {
  base::ObjectKey pod;               // K8S_POD_NAMESPACE, K8S_POD_NAME; empty where not given
  std::string podUid;                // K8S_POD_UID
  std::vector<base::IpAddress> ips;  // IP, several separated by commas; a "/length" is ignored
  std::optional<base::MacAddress> mac = {};  // MAC
  bool operator==(const CniArgs&) const = default;
};

struct CniEnv {
  CniCommand command = CniCommand::Version;
  std::string containerId;             // empty where the command needs none
  std::string netns;                   // path; may be empty for DEL
  std::optional<base::IfName> ifName;  // given with ADD, DEL, CHECK
  CniArgs args;
  std::vector<std::string> path;  // CNI_PATH, split at ':'
  bool operator==(const CniEnv&) const = default;
};

// A variable is missing or not what it must be (CNI error code 4); what() names it.
class EnvError : public base::Error {
 public:
  using Error::Error;
};

using EnvLookup = std::function<std::optional<std::string>(const char* name)>;

// Checks what the command needs, as the specification's table says, and all that is given.
// CNI_ARGS is read as the reference plugins do: a key not known here is refused unless
// IgnoreUnknown is true, so that a misspelt K8S_POD_NAME does not pass for "no pod". For DEL a
// CNI_ARGS that cannot be read is ignored, since what ADD refused must still be deletable.
CniEnv parseCniEnv(const EnvLookup& lookup);

}  // namespace kpol::conf
