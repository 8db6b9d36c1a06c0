// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"
#include "ipam/departures.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/delegate.hpp"
#include "plugin/interface.hpp"
#include "plugin/ipam.hpp"
#include "plugin/kpold.hpp"
#include "plugin/settle.hpp"
#include "plugin/verbs.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
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

// Returns nullopt if the file cannot be opened, or is not valid (reported on standard error).
std::optional<conf::Attachment> readAttachment(const std::string& path) {
  std::ifstream stream(path);
  if (!stream) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  try {
    return conf::parseAttachment(text);
  } catch (const conf::ConfigError& problem) {
    remark(path + ": " + problem.what());
    return std::nullopt;
  }
}

// The pod's addresses from another plugin, according to prevResult, else to the attachment's file.
std::vector<base::IpAddress> foreignAddressesOf(const Request& request, const AttachmentId& id) {
  if (request.config.prevResult) {
    std::vector<base::IpAddress> ips;
    for (const auto& ip : request.config.prevResult->result.ips) ips.push_back(ip.address);
    return ips;
  }
  const auto attachment = readAttachment(request.config.stateDir + "/" + conf::fileOf(id));
  return attachment ? attachment->ips : std::vector<base::IpAddress>{};
}

bool hasFile(const Request& request, const AttachmentId& id) {
  return ::access((request.config.stateDir + "/" + conf::fileOf(id)).c_str(), F_OK) == 0;
}

// Deletes the pod's conntrack entries: established packets are accepted before policies are
// evaluated, and the next pod may get the same address. DEL succeeds even if the kernel returns an
// error, for example because it has no conntrack.
void forgetFlowsOf(const std::vector<base::IpAddress>& ips) {
  try {
    netlink::forgetFlows(ips);
  } catch (const netlink::Error& error) {
    remark(std::string("cannot delete the pod's conntrack entries, they remain until they time "
                       "out: ") +
           error.what());
  }
}

bool isRecorded(const ipam::LeaseBook& book, const AttachmentId& id) {
  return book.leases.contains(id) ||
         std::any_of(book.departures.begin(), book.departures.end(),
                     [&](const ipam::Departure& departure) { return departure.lease.id == id; });
}

// Turns the pod's lease into a pending release (ipam::Departure), recorded on return. Returns false
// if the pod has neither a lease nor a pending release for `link`.
bool depart(const Request& request, const AttachmentId& id, base::IfIndex link) {
  // To open the store may need disk space for its lock.
  if (!isRecorded(ipam::readLeases(request.config.stateDir), id)) return false;
  auto store = openLeases(request);
  if (store.depart(id, link)) return true;
  const auto& departures = store.departures();
  return std::any_of(departures.begin(), departures.end(), [&](const ipam::Departure& departure) {
    return departure.lease.id == id && (link.value == 0 || departure.link == link);
  });
}

// For pods whose addresses come from another plugin: deletes the link and the conntrack entries
// before the addresses are released, because that plugin may reassign them at once. Does nothing if
// there is neither a link nor a file, because another pod may have the addresses already.
void removeNow(const Request& request, const AttachmentId& id,
               const std::optional<netlink::Link>& link) {
  if (!link && !hasFile(request, id)) return;
  const auto ips = foreignAddressesOf(request, id);
  if (link) {
    netlink::RouteSocket node;
    ipam::deleteTogether(node, std::array{link->index});
  }
  forgetFlowsOf(ips);
}

// Makes the pod unreachable, records its lease as a pending release (or removes its link at once),
// deletes the attachment in kpold, and calls `finish` to free the addresses. `finish` gets true if
// this process must see to the pending release. If the attachment's file cannot be removed, the
// error is thrown only after `finish`.
template <typename Finish>
void detach(const Request& request, const AttachmentId& id, Finish finish) {
  const auto link = withdrawInterface(id);
  bool unsettled = depart(request, id, link ? link->index : base::IfIndex{0});
  if (!unsettled) removeNow(request, id, link);
  std::exception_ptr failure;
  try {
    if (forget(request.config, id)) unsettled = false;
  } catch (const base::Error&) {
    failure = std::current_exception();
  }
  finish(unsettled);
  if (failure) std::rethrow_exception(failure);
}

// Adds the attachments of any network whose network namespace is gone. Chained attachments have
// neither a kpol interface nor a lease, and their files do not contain the network.
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

// The attachments of this network that the runtime does not list as valid. A client that sends no
// list (cnitool) cannot mean that every pod is gone, so then only orphaned files count.
std::set<AttachmentId> findStale(const Request& request) {
  std::set<AttachmentId> ids;
  if (!request.config.validAttachments) {
    addOrphanedFiles(request, ids);
    return ids;
  }
  for (const auto& [id, lease] : openLeases(request).leases())
    if (lease.network == request.config.name) ids.insert(id);
  for (const auto& link : netlink::RouteSocket().links()) {
    const auto owner = ownerOf(link);
    if (owner && owner->network == request.config.name) ids.insert(owner->id);
  }
  addOrphanedFiles(request, ids);
  for (const auto& valid : *request.config.validAttachments) ids.erase(valid);
  return ids;
}

// Deletes the routing rules of a secondary interface. They outlive the interface, but not the pod's
// namespace.
void forgetRules(const Request& request) {
  if (request.env.netns.empty()) return;
  try {
    removeRules(netlink::Netns::open(request.env.netns), idOf(request));
  } catch (const base::Error&) {
    return;  // the namespace is gone, or is being deleted
  }
}

}  // namespace

void del(const Request& request) {
  const auto alone = lockAttachment(request, idOf(request));
  forgetRules(request);
  detach(request, idOf(request), [&](bool unsettled) {
    if (unsettled) settleBehind(request.config.stateDir);
    if (!isBuiltIn(request)) release(request);
  });
}

void gc(const Request& request) {
  for (const auto& id : findStale(request)) {
    const auto alone = lockAttachment(request, id);
    detach(request, id, [](bool) {});
  }
  ipam::settleDepartures(request.config.stateDir, remark);
  if (isDelegated(request)) runIpamPlugin(request, conf::CniCommand::Gc);
}

void status(const Request& request) {
  verifyReady(request.config);
  if (isDelegated(request)) runIpamPlugin(request, conf::CniCommand::Status);
}

}  // namespace kpol::plugin
