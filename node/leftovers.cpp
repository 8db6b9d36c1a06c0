// SPDX-License-Identifier: Apache-2.0
#include "node/leftovers.hpp"

#include "base/error.hpp"
#include "ipam/departures.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/route_socket.hpp"
#include "nft/kernel.hpp"
#include "node/atomic_file.hpp"
#include "node/cni_config.hpp"
#include "node/holder_connection.hpp"
#include "node/plan.hpp"
#include "node/plugin_binary.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>

namespace kpol::node {
namespace {

namespace fs = std::filesystem;
using Leftovers = std::vector<Leftover>;

// In the state directory. Other entries do not belong to kpol.
constexpr std::array kStateEntries = {"attachments", "ipam", "manifests"};

// Whether the name is the prefix ("kpol" or "kpbw") and 11 hex digits, as the plugin names
// interfaces.
bool isNamed(const base::IfName& name, std::string_view prefix) {
  constexpr std::size_t kDigits = 11;
  const std::string_view text = name.text();
  if (text.size() != prefix.size() + kDigits || !text.starts_with(prefix)) return false;
  return text.find_first_not_of("0123456789abcdef", prefix.size()) == text.npos;
}

bool isOfAPod(const netlink::Link& link) {
  return (link.kind == "veth" && isNamed(link.name, "kpol")) ||
         (link.kind == "ifb" && isNamed(link.name, "kpbw"));
}

// Removes the file, or the directory with its content.
void removeAll(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw base::SystemError("remove " + path.string(), error.value());
}

// Does nothing if the directory is not empty or is a mount point.
void removeIfEmpty(const fs::path& directory) {
  std::error_code ignored;
  fs::remove(directory, ignored);
}

bool isThere(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

void findFile(const std::string& what, const fs::path& path, Leftovers& found) {
  if (isThere(path)) found.push_back({what + " " + path.string(), [path] { removeAll(path); }});
}

void findLinks(netlink::RouteSocket& node, Leftovers& found) {
  std::vector<base::IfIndex> links;
  std::string names;
  for (const auto& link : node.links()) {
    if (link.kind == "vxlan" && link.name.text() == kVxlanName)
      found.push_back({"device " + link.name.text(),
                       [index = link.index] { netlink::RouteSocket().deleteLink(index); }});
    if (!isOfAPod(link)) continue;
    links.push_back(link.index);
    names += " " + link.name.text();
  }
  if (links.empty()) return;
  found.push_back({"interfaces of pods:" + names, [links] {
                     netlink::RouteSocket socket;
                     ipam::deleteTogether(socket, links);
                   }});
}

void findRoutes(netlink::RouteSocket& node, Leftovers& found) {
  auto routes = node.routes();
  for (auto& route : node.unreachableRoutes()) routes.push_back(std::move(route));
  for (const auto& route : routes) {
    if (route.protocol != kRouteProtocol) continue;
    found.push_back({"route to " + toString(route.destination),
                     [route] { netlink::RouteSocket().deleteRoute(route); }});
  }
}

// With the holder's socket if there is one, because it may own the table.
void deleteTable(const std::string& table, const std::string& holder) {
  nft::Kernel::Options options;
  options.socket = fetchTableSocket(holder);
  nft::Kernel kernel(std::move(options));
  nft::ChangeSet changes;
  changes.table = table;
  changes.changes.emplace_back(nft::DeleteTable{});
  const auto outcome = kernel.commit(changes);
  const auto* rejected = std::get_if<nft::Rejected>(&outcome);
  if (rejected != nullptr && rejected->code != ENOENT)
    throw base::Error("delete table inet " + table + ": " + rejected->message);
}

void findTable(const std::string& holder, Leftovers& found) {
  nft::Kernel::Options reader;
  reader.own = false;  // only looking must not take ownership
  const std::string table = reader.table;
  const nft::Kernel kernel(std::move(reader));
  if (!kernel.exists()) return;
  const auto owner = kernel.foreignOwner();
  if (owner && *owner != netlinkPort(fetchTableSocket(holder).value()))
    throw TableHeld("the table inet " + table + " belongs to netlink port " +
                    std::to_string(*owner) + ": a kpold runs on this node; stop it first");
  found.push_back({"table inet " + table, [table, holder] { deleteTable(table, holder); }});
}

// Deletes the conntrack entries of all pods: established packets are accepted before policies are
// evaluated, and the addresses may be assigned again.
void forgetPods(const std::string& stateDir) {
  std::vector<base::IpAddress> addresses;
  const auto book = ipam::readLeases(stateDir);
  for (const auto& [id, lease] : book.leases)
    addresses.insert(addresses.end(), lease.addresses.begin(), lease.addresses.end());
  for (const auto& departure : book.departures)
    addresses.insert(addresses.end(), departure.lease.addresses.begin(),
                     departure.lease.addresses.end());
  if (!addresses.empty()) netlink::forgetFlows(addresses);
}

void findState(const fs::path& stateDir, Leftovers& found) {
  const bool any = std::any_of(kStateEntries.begin(), kStateEntries.end(),
                               [&](const char* name) { return isThere(stateDir / name); });
  if (!any) return;
  found.push_back({"leases and attachments below " + stateDir.string(), [stateDir] {
                     forgetPods(stateDir);
                     for (const char* name : kStateEntries) removeAll(stateDir / name);
                     removeIfEmpty(stateDir);
                   }});
}

fs::path lockOf(const std::string& socket) {
  return socket + ".lock";
}

void findSocket(const std::string& socket, Leftovers& found) {
  if (isThere(socket) || isThere(lockOf(socket)) || isThere(holderPath(socket)))
    found.push_back({"socket " + socket, [socket] { removeSocket(socket); }});
}

void findPlugin(const fs::path& binDir, Leftovers& found) {
  const auto path = binDir / kPluginName;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return;
  const auto bytes = readFile(path);
  if (bytes && isPlugin(*bytes)) findFile("plugin", path, found);
}

}  // namespace

void removeSocket(const std::string& socket) {
  removeAll(socket);
  removeAll(lockOf(socket));
  removeAll(holderPath(socket));
  const auto directory = fs::path(socket).parent_path();
  if (directory.filename().string().starts_with("kpol")) removeIfEmpty(directory);
}

Leftovers findLeftovers(const Places& places) {
  Leftovers found;
  if (!places.confDir.empty())
    findFile("network config", fs::path(places.confDir) / kConflistName, found);
  netlink::RouteSocket node;
  findLinks(node, found);
  findRoutes(node, found);
  findTable(holderPath(places.socket), found);
  findState(places.stateDir, found);
  findSocket(places.socket, found);
  findPlugin(places.binDir, found);
  return found;
}

}  // namespace kpol::node
