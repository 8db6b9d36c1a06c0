// SPDX-License-Identifier: Apache-2.0
#include "netlink/forwarding.hpp"

#include "base/unique_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

namespace kpol::netlink {
namespace {

constexpr const char* kV4Forwarding = "net/ipv4/ip_forward";
constexpr const char* kV6Forwarding = "net/ipv6/conf/all/forwarding";
constexpr const char* kV6Links = "net/ipv6/conf";

std::string pathOf(const std::string& sysctl) {
  return "/proc/sys/" + sysctl;
}

// Returns the value without the newline; nullopt if the file cannot be read.
std::optional<std::string> valueOf(const std::string& sysctl) {
  const base::UniqueFd fd(::open(pathOf(sysctl).c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const auto got = fd ? ::read(fd.value(), text.data(), text.size()) : -1;
  if (got <= 0) return std::nullopt;
  const std::string_view found(text.data(), static_cast<std::size_t>(got));
  return std::string(found.substr(0, found.find('\n')));
}

void set(const std::string& sysctl, const std::string& value, ForwardingChange& change) {
  const base::UniqueFd fd(::open(pathOf(sysctl).c_str(), O_WRONLY | O_CLOEXEC));
  const bool written = fd && ::write(fd.value(), value.data(), value.size()) >= 0;
  if (written)
    change.set.push_back(sysctl + "=" + value);
  else
    change.refused.push_back({sysctl, value, errno});
}

// Whether a link may lead to routers: not those that kpol makes.
bool mayLeadToRouters(std::string_view link) {
  return link != "all" && link != "default" && !link.starts_with("kpol") && link != "vxlan.kpol";
}

void keepAdvertisements(ForwardingChange& change) {
  const auto close = [](DIR* directory) { ::closedir(directory); };
  const std::unique_ptr<DIR, decltype(close)> links(::opendir(pathOf(kV6Links).c_str()), close);
  if (!links) return;
  while (const auto* entry = ::readdir(links.get())) {
    const std::string sysctl = std::string(kV6Links) + "/" + entry->d_name + "/accept_ra";
    if (entry->d_name[0] == '.' || !mayLeadToRouters(entry->d_name)) continue;
    if (valueOf(sysctl) == "1") set(sysctl, "2", change);
  }
}

}  // namespace

ForwardingChange enableForwarding(base::Family family) {
  ForwardingChange change;
  const char* sysctl = family == base::Family::V4 ? kV4Forwarding : kV6Forwarding;
  const auto value = valueOf(sysctl);
  if (value != "0") return change;
  if (family == base::Family::V6) keepAdvertisements(change);
  set(sysctl, "1", change);
  return change;
}

std::vector<std::string> notForwarding() {
  std::vector<std::string> off;
  for (const char* sysctl : {kV4Forwarding, kV6Forwarding})
    if (valueOf(sysctl) == "0") off.emplace_back(sysctl);
  return off;
}

bool filtersBridges() {
  return valueOf("net/bridge/bridge-nf-call-iptables") == "1" &&
         valueOf("net/bridge/bridge-nf-call-ip6tables") == "1";
}

}  // namespace kpol::netlink
