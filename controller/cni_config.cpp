// SPDX-License-Identifier: Apache-2.0
#include "controller/cni_config.hpp"

#include "base/async/event.hpp"
#include "base/async/race.hpp"
#include "base/async/readable.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "kube/directory_watch.hpp"

#include <chrono>
#include <filesystem>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;

// There is no event when the pods of an old range have ended or a file system is writable again.
constexpr auto kConfigCheckInterval = 10s;

}  // namespace

base::Task<> CniConfig::run() {
  if (options_.directory.empty()) co_return;
  status_.file = (std::filesystem::path(options_.directory) / node::kConflistName).string();
  status_.trouble = "kpold has not committed its first table yet";
  // Create nothing, not even the directory, until there is something to write.
  while (!loop_.committed() || !wanted()) co_await loop_.progress().waitUntil(base::Event::kNever);
  makeDirectory();
  kube::DirectoryWatch watch(options_.directory);
  base::Readable readable(co_await base::asio::this_coro::executor, watch.fd());
  for (;;) {
    static_cast<void>(watch.drain());
    keep();
    checkOthers();
    const auto again = std::chrono::steady_clock::now() + kConfigCheckInterval;
    std::optional<bool> progressed;
    co_await base::returnsFirst(readable.wait(),
                                base::keep(loop_.progress().waitUntil(again), progressed));
  }
}

void CniConfig::makeDirectory() {
  std::error_code error;
  std::filesystem::create_directories(options_.directory, error);
  if (!error) return;
  const base::SystemError failure("create directory " + options_.directory, error.value());
  status_.trouble = failure.what();
  throw failure;
}

std::optional<conf::Conflist> CniConfig::wanted() {
  const auto* self = store_.findNode(options_.nodeName);
  if (self == nullptr) {
    troubled("there is no Node " + options_.nodeName + " yet; check --node-name");
    return std::nullopt;
  }
  // The list holds all families at once: the API server does not allow it to change later.
  if (self->podCidrs.empty()) {
    troubled("Node " + options_.nodeName +
             " has no podCIDRs yet: kube-controller-manager sets them with --allocate-node-cidrs");
    return std::nullopt;
  }
  const auto mtu = options_.mtu();
  if (!mtu) {
    troubled("the network between nodes is not set up yet");
    return std::nullopt;
  }
  conf::Conflist conflist;
  conflist.ranges = self->podCidrs;
  conflist.mtu = *mtu;
  conflist.stateDir = options_.stateDir;
  conflist.socket = options_.socket;
  return conflist;
}

void CniConfig::troubled(const std::string& why) {
  if (status_.trouble != why)
    base::logWarn("network config not written", {{"file", status_.file}, {"reason", why}});
  status_.trouble = why;
}

void CniConfig::keep() {
  const auto conflist = wanted();
  if (!conflist) return;
  try {
    write(*conflist);
  } catch (const base::Error& error) {
    status_.written = false;
    troubled(std::string("cannot be written: ") + error.what());
  }
}

std::string CniConfig::describeShadow(const Status& status) {
  return "sorts before " + std::string(node::kConflistName) +
         ", so the container runtime uses that network for new pods, without kpol's policies; "
         "delete or rename " +
         status.shadowedBy;
}

void CniConfig::checkOthers() {
  const auto other = node::configBefore(options_.directory);
  const auto path =
      other ? (std::filesystem::path(options_.directory) / *other).string() : std::string();
  if (path == status_.shadowedBy) return;
  status_.shadowedBy = path;
  if (other)
    base::logError("another network's config is used instead of kpol's",
                   {{"file", path}, {"error", describeShadow(status_)}});
  else
    base::logInfo("kpol's network config is the first one again", {{"file", status_.file}});
}

void CniConfig::write(const conf::Conflist& wanted) {
  const auto outcome = node::keepConflist(options_.directory, wanted);
  if (const auto* kept = std::get_if<node::ConflistKept>(&outcome)) {
    troubled("not changed: " + kept->why);
    return;
  }
  if (std::get<node::ConflistHolds>(outcome).changed)
    base::logInfo("network config written", {{"file", status_.file}});
  status_.written = true;
  status_.trouble.clear();
}

}  // namespace kpol::controller
