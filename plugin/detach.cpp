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

// Nothing where the file is not there or not kpol's; the latter is said.
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

// The addresses that the runtime, or the attachment's file, says the pod had from another plugin.
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

// An established flow passes without a look at the policies, so the flows of this pod must not
// outlive it: the next one may have its address. DEL succeeds all the same where the kernel cannot
// be asked, as where it tracks nothing.
void forgetFlowsOf(const std::vector<base::IpAddress>& ips) {
  try {
    netlink::forgetFlows(ips);
  } catch (const netlink::Error& error) {
    remark(std::string("the pod's tracked flows are left to end by themselves: ") + error.what());
  }
}

// On record when it returns: the lease, if there is one, is a departure. False: there is none of
// the pod's.
bool depart(const Request& request, const AttachmentId& id, base::IfIndex link) {
  auto store = openLeases(request);
  if (store.depart(id, link)) return true;
  const auto& departures = store.departures();
  return std::any_of(departures.begin(), departures.end(), [&](const ipam::Departure& departure) {
    return departure.lease.id == id && (link.value == 0 || departure.link == link);
  });
}

// Of a pod without a lease of ours, whose addresses others give to the next pod as soon as they are
// told: its link and its flows must be gone before. Where neither link nor file is left somebody
// else may have the addresses already.
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

// Makes the pod unreachable, puts what it had on record as departed (or removes it), has kpold
// forget it, and then lets `finish` free the addresses, told whether a departure is left that
// somebody must settle. That kpold's file cannot be removed keeps nothing else alive.
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

// Those of this network that the runtime does not list. A client without the list (cnitool) cannot
// mean that every pod is to go: then only what is surely nobody's.
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

// A further interface of a pod that lives on leaves rules behind; those of one that has ended are
// gone with it.
void forgetRules(const Request& request) {
  if (request.env.netns.empty()) return;
  try {
    removeRules(netlink::Netns::open(request.env.netns), idOf(request));
  } catch (const base::Error&) {
    return;  // the namespace is gone, or on its way
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
  if (!hasFreeAddress(request))
    throw conf::CniFailure(conf::CniCode::NotAvailable, "no address is left for another pod",
                           "`kpolctl show ips` tells who holds them");
  if (isDelegated(request)) runIpamPlugin(request, conf::CniCommand::Status);
}

}  // namespace kpol::plugin
