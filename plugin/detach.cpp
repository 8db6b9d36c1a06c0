// SPDX-License-Identifier: Apache-2.0
#include "conf/config_error.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/delegate.hpp"
#include "plugin/interface.hpp"
#include "plugin/ipam.hpp"
#include "plugin/ipam_store.hpp"
#include "plugin/kpold.hpp"
#include "plugin/verbs.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <vector>

namespace kpol::plugin {
namespace {

using conf::AttachmentId;

bool isDelegated(const Request& request) {
  return !request.config.ipam.type.empty() && request.config.ipam.type != "kpol";
}

// Nothing where the file is not there or not kpol's; the latter is said.
std::optional<conf::Attachment> readAttachment(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  try {
    return conf::parseAttachment(text);
  } catch (const conf::ConfigError& problem) {
    std::fprintf(stderr, "kpol: %s: %s\n", path.c_str(), problem.what());
    return std::nullopt;
  }
}

// Where the pod's addresses are on record.
std::vector<base::IpAddress> addressesOf(const Request& request, const AttachmentId& id) {
  if (request.config.prevResult) {
    std::vector<base::IpAddress> ips;
    for (const auto& ip : request.config.prevResult->result.ips) ips.push_back(ip.address);
    return ips;
  }
  const auto leases = IpamStore::open(request.config.stateDir).leases();
  const auto lease = leases.find(id);
  if (lease != leases.end()) return lease->second.addresses;
  // With another IPAM plugin the attachment's file is what knows.
  const auto attachment = readAttachment(request.config.stateDir + "/" + conf::fileOf(id));
  return attachment ? attachment->ips : std::vector<base::IpAddress>{};
}

// An established flow passes without a look at the policies, so the flows of this pod must not
// outlive it: the next one may have its address. DEL succeeds all the same where the kernel cannot
// be asked, as where it tracks nothing.
void forgetFlowsOf(const std::vector<base::IpAddress>& ips) {
  try {
    netlink::forgetFlows(ips);
  } catch (const netlink::Error& error) {
    std::fprintf(stderr, "kpol: the pod's tracked flows are left to end by themselves: %s\n",
                 error.what());
  }
}

// kpold and the link first, the addresses last: they must not be given to another pod while this
// one could still use them. That kpold's file cannot be removed keeps nothing else alive.
template <typename FreeAddresses>
void detach(const Request& request, const AttachmentId& id, FreeAddresses freeAddresses) {
  std::exception_ptr failure;
  const auto ips = addressesOf(request, id);
  try {
    forget(request.config, id);
  } catch (const base::Error&) {
    failure = std::current_exception();
  }
  removeInterface(id);
  forgetFlowsOf(ips);
  freeAddresses();
  if (failure) std::rethrow_exception(failure);
}

// Chained attachments have neither link nor lease of ours, and a file does not tell its network:
// those whose namespace is gone are nobody's.
void addOrphanedFiles(const Request& request, std::set<AttachmentId>& ids) {
  std::error_code error;
  const std::filesystem::directory_iterator files(request.config.stateDir + "/attachments", error);
  if (error) return;
  for (const auto& file : files) {
    if (file.path().extension() != ".json") continue;
    const auto attachment = readAttachment(file.path());
    if (!attachment) continue;
    struct stat status {};
    if (::stat(attachment->netns.c_str(), &status) != 0 && errno == ENOENT)
      ids.insert(idOf(*attachment));
  }
}

std::set<AttachmentId> findAttachments(const Request& request) {
  std::set<AttachmentId> ids;
  const auto store = IpamStore::open(request.config.stateDir);
  for (const auto& [id, lease] : store.leases())
    if (lease.network == request.config.name) ids.insert(id);
  for (const auto& link : netlink::RouteSocket().links()) {
    const auto owner = ownerOf(link);
    if (owner && owner->network == request.config.name) ids.insert(owner->id);
  }
  addOrphanedFiles(request, ids);
  return ids;
}

}  // namespace

void del(const Request& request) {
  detach(request, idOf(request), [&] { release(request); });
}

void gc(const Request& request) {
  if (!request.config.validAttachments)
    throw conf::ConfigError("cni.dev/valid-attachments", "must be given for GC");
  auto stale = findAttachments(request);
  for (const auto& valid : *request.config.validAttachments) stale.erase(valid);
  for (const auto& id : stale)
    detach(request, id, [&] { IpamStore::open(request.config.stateDir).remove(id); });
  if (isDelegated(request)) runIpamPlugin(request, conf::CniCommand::Gc);
}

void status(const Request& request) {
  verifyReady(request.config);
  if (isDelegated(request)) runIpamPlugin(request, conf::CniCommand::Status);
}

}  // namespace kpol::plugin
