// SPDX-License-Identifier: Apache-2.0
#include "plugin/sysctl.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace kpol::plugin {
namespace {

bool hasValue(const std::string& path, std::string_view value) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const auto got = fd ? ::read(fd.value(), text.data(), text.size()) : -1;
  if (got <= 0) return false;
  const std::string_view found(text.data(), static_cast<std::size_t>(got));
  return found.substr(0, found.find('\n')) == value;
}

// Returns 0 or errno.
int write(const std::string& path, std::string_view value) {
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.value(), value.data(), value.size()) < 0) return errno;
  return 0;
}

}  // namespace

bool holds(const Sysctl& sysctl) {
  return hasValue("/proc/sys/" + sysctl.path, sysctl.value);
}

std::vector<std::string> hardeningFaults(const std::vector<Sysctl>& sysctls,
                                         const std::string& where) {
  std::vector<std::string> faults;
  for (const auto& sysctl : sysctls) {
    if (sysctl.need != Sysctl::Need::Hardening || holds(sysctl)) continue;
    if (::access(("/proc/sys/" + sysctl.path).c_str(), F_OK) != 0) continue;
    faults.push_back(where + ": sysctl " + sysctl.path + " is not " + sysctl.value);
  }
  return faults;
}

void set(const Sysctl& sysctl) {
  // Read first: a write takes the kernel's networking lock (RTNL), and on a read-only /proc/sys it
  // would fail even if nothing needs to change.
  if (holds(sysctl)) return;
  const int code = write("/proc/sys/" + sysctl.path, sysctl.value);
  const bool absent = code == ENOENT && sysctl.need == Sysctl::Need::Hardening;
  if (code != 0 && !absent && sysctl.need != Sysctl::Need::Optional)
    throw base::SystemError("set " + sysctl.path + " to " + sysctl.value, code);
}

}  // namespace kpol::plugin
