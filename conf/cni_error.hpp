// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "conf/cni_version.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kpol::conf {

// Codes below 100 are defined by the CNI specification, the others by kpol.
enum class CniCode : std::uint32_t {
  IncompatibleVersion = 1,
  UnsupportedField = 2,
  UnknownContainer = 3,
  InvalidEnvironment = 4,
  Io = 5,
  Decode = 6,
  InvalidConfig = 7,
  TryAgain = 11,
  NotAvailable = 50,
  LimitedConnectivity = 51,
  Kernel = 100,              // the kernel rejected a network operation
  AddressUnavailable = 101,  // no address is free, or not the requested one
  AlreadyAttached = 102,     // second ADD for one container ID and ifname
  CheckFailed = 103,         // the network is not as ADD made it
  Ipam = 104,                // cannot run the IPAM plugin, or its output is invalid
  Conflict = 105,            // another pod has a resource of this pod (a host port)
  NotFiltered = 106,         // the pod's packets would bypass the policies
};

// The error result. `code` is a number, because delegated plugins have their own codes.
struct CniError {
  std::uint32_t code = 0;
  std::string msg;
  std::string details;
  auto operator<=>(const CniError&) const = default;
};

// An exception with its error result. `msg` describes the failure, `details` the remedy.
class CniFailure : public base::Error {
 public:
  explicit CniFailure(CniError error);
  CniFailure(CniCode code, std::string msg, std::string details = {});
  [[nodiscard]] const CniError& error() const noexcept { return error_; }

 private:
  CniError error_;
};

// {"cniVersion":…,"code":…,"msg":…,"details":…}; without details if they are empty. Replaces bytes
// that are not UTF-8.
std::string print(const CniError& error, CniVersion version);
// Throws ConfigError if the text is not an error result.
CniError parseError(std::string_view json);

}  // namespace kpol::conf
