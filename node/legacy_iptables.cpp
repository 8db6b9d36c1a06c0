// SPDX-License-Identifier: Apache-2.0
#include "node/legacy_iptables.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "node/atomic_file.hpp"
#include "node/legacy_table.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace kpol::node {
namespace {

constexpr const char* kTable = "filter";
constexpr int kReads = 5;  // attempts, if the table changes meanwhile

// The differences between the two programs.
struct V4Api {
  using Info = ipt_getinfo;
  using Entries = ipt_get_entries;
  static constexpr auto kFamily = base::Family::V4;
  static constexpr int kDomain = AF_INET, kLevel = IPPROTO_IP;
  static constexpr int kGetInfo = IPT_SO_GET_INFO, kGetEntries = IPT_SO_GET_ENTRIES;
  static constexpr const char* kNames = "/proc/net/ip_tables_names";
};
struct V6Api {
  using Info = ip6t_getinfo;
  using Entries = ip6t_get_entries;
  static constexpr auto kFamily = base::Family::V6;
  static constexpr int kDomain = AF_INET6, kLevel = IPPROTO_IPV6;
  static constexpr int kGetInfo = IP6T_SO_GET_INFO, kGetEntries = IP6T_SO_GET_ENTRIES;
  static constexpr const char* kNames = "/proc/net/ip6_tables_names";
};

// Whether the table exists. The file lists the existing tables; a query to the kernel would create
// the table.
bool isUsed(const char* names) {
  const auto text = readFile(names);
  return text && ("\n" + *text).find("\n" + std::string(kTable) + "\n") != text->npos;
}

// Returns nullopt if the size of the table changed meanwhile.
template <class V>
std::optional<std::vector<nft::ForeignFilter>> readTable(int fd) {
  typename V::Info info{};
  std::strncpy(info.name, kTable, sizeof info.name - 1);
  socklen_t size = sizeof info;
  if (::getsockopt(fd, V::kLevel, V::kGetInfo, &info, &size) != 0)
    throw base::SystemError("query the iptables table", errno);
  typename V::Entries request{};
  std::strncpy(request.name, kTable, sizeof request.name - 1);
  request.size = info.size;
  std::vector<std::uint8_t> answer(sizeof request + info.size);
  std::memcpy(answer.data(), &request, sizeof request);
  size = static_cast<socklen_t>(answer.size());
  if (::getsockopt(fd, V::kLevel, V::kGetEntries, answer.data(), &size) != 0) {
    if (errno == EAGAIN) return std::nullopt;
    throw base::SystemError("read the iptables table", errno);
  }
  using Hook = nft::ForeignFilter::Hook;
  std::vector<nft::ForeignFilter> filters;
  for (const auto& [number, hook] :
       {std::pair(NF_INET_FORWARD, Hook::Forward), std::pair(NF_INET_LOCAL_IN, Hook::Input)})
    filters.push_back(parseLegacyTable({std::span(answer).subspan(sizeof request),
                                        info.hook_entry[number], info.underflow[number], hook},
                                       V::kFamily));
  return filters;
}

template <class V>
void readInto(std::vector<nft::ForeignFilter>& filters) {
  if (!isUsed(V::kNames)) return;
  // Any socket of the family works, so that CAP_NET_RAW is not needed.
  const base::UniqueFd fd(::socket(V::kDomain, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw base::SystemError("create a socket to read iptables", errno);
  for (int i = 0; i < kReads; ++i) {
    auto some = readTable<V>(fd.value());
    if (!some) continue;
    std::move(some->begin(), some->end(), std::back_inserter(filters));
    return;
  }
  throw base::SystemError("read the iptables table, which changes during every attempt", EAGAIN);
}

}  // namespace

std::vector<nft::ForeignFilter> readLegacyIptables() {
  std::vector<nft::ForeignFilter> filters;
  readInto<V4Api>(filters);
  readInto<V6Api>(filters);
  return filters;
}

}  // namespace kpol::node
