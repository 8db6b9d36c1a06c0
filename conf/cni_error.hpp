// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "conf/cni_version.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kpol::conf {

// Codes below 100 are the CNI specification's, the rest are kpol's own.
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
  Kernel = 100,              // a network operation was refused
  AddressUnavailable = 101,  // the ranges are used up, or the address asked for is taken
  AlreadyAttached = 102,     // ADD without DEL for the same container ID and ifname
  CheckFailed = 103,         // what ADD made is not there any more
  Ipam = 104,                // the delegated IPAM plugin cannot be run or understood
  Conflict = 105,            // another pod has what this one is to have, as a host port
  NotFiltered = 106,         // the pod's traffic would pass by the kernel's filters
};

// The error result. `code` is a number because delegated plugins have codes of their own.
struct CniError {
  std::uint32_t code = 0;
  std::string msg;
  std::string details;
  auto operator<=>(const CniError&) const = default;
};

// A failure that carries its error result. msg says what failed, details what to do about it.
class CniFailure : public base::Error {
 public:
  explicit CniFailure(CniError error);
  CniFailure(CniCode code, std::string msg, std::string details = {});
  [[nodiscard]] const CniError& error() const noexcept { return error_; }

 private:
  CniError error_;
};

// {"cniVersion":…,"code":…,"msg":…,"details":…}; details only where there are any. Bytes that are
// no UTF-8 are replaced.
std::string print(const CniError& error, CniVersion version);
// Throws ConfigError where the text is no error result.
CniError parseError(std::string_view json);

}  // namespace kpol::conf
