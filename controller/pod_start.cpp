// SPDX-License-Identifier: Apache-2.0
#include "controller/pod_start.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <utility>

namespace kpol::controller {
namespace {

constexpr std::string_view kInterfaceGone = "attachment removed, its host interface is gone";

std::string describe(const conf::Attachment& attachment) {
  return "pod " + toString(attachment.pod) + " (container " + attachment.containerId + ", " +
         attachment.ifName.text() + ")";
}

// Names what the two attachments must not both have.
std::string shared(const conf::Attachment& a, const conf::Attachment& b) {
  if (a.hostInterface == b.hostInterface) return "host interface " + a.hostInterface.text();
  for (const auto& ip : a.ips)
    if (std::binary_search(b.ips.begin(), b.ips.end(), ip)) return "address " + toString(ip);
  for (const auto& port : a.hostPorts)
    for (const auto& other : b.hostPorts)
      if (overlap(port, other)) return "host port " + toString(port);
  return "nothing";
}

}  // namespace

// An attachment that waits for its acknowledgement. The destructor removes it unless it was kept or
// a later put() of the same ID has replaced this claim.
class PodStart::Claim {
 public:
  Claim(PodStart& owner, const conf::Attachment& attachment)
      : owner_(owner), id_(conf::idOf(attachment)) {
    const auto* known = owner_.store_.find(id_);
    if (known == nullptr || *known != attachment) {
      owner_.files_.save(attachment);
      owner_.store_.put(attachment);
      owner_.loop_.wake();
    }
    owner_.claims_[id_] = this;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    const auto place = owner_.claims_.find(id_);
    if (place == owner_.claims_.end() || place->second != this) return;
    owner_.claims_.erase(place);
    if (!kept_) owner_.forget(id_);
  }
  void keep() { kept_ = true; }

 private:
  PodStart& owner_;
  conf::AttachmentId id_;
  bool kept_ = false;
};

PodStart::PodStart(Store& store, AttachmentStore& files, ReconcileLoop& loop, LinkExists linkExists)
    : store_(store), files_(files), loop_(loop), linkExists_(std::move(linkExists)) {}

std::vector<std::string> PodStart::restore() {
  auto loaded = files_.load();
  for (const auto& attachment : loaded.attachments) {
    if (linkExists_(attachment.hostInterface)) {
      store_.put(attachment);
      continue;
    }
    base::logInfo(kInterfaceGone, {{"pod", toString(attachment.pod)},
                                   {"host_interface", attachment.hostInterface.text()}});
    files_.remove(conf::idOf(attachment));
  }
  for (const auto& problem : loaded.broken)
    base::logError("attachment not loaded", {{"error", problem}});
  return std::move(loaded.broken);
}

std::optional<Conflict> PodStart::usesReserved(const conf::Attachment& attachment) const {
  for (const auto& port : attachment.hostPorts)
    for (const auto& reserved : reserved_)
      if (overlap(port, reserved.port))
        return Conflict{"host port " + toString(port) + " of " + describe(attachment) +
                        " is reserved for " + reserved.owner};
  return std::nullopt;
}

std::optional<Conflict> PodStart::clearTheWay(const conf::Attachment& attachment) {
  while (const auto* other = store_.conflicting(attachment)) {
    const bool isStale =
        other->hostInterface != attachment.hostInterface && !linkExists_(other->hostInterface);
    if (!isStale)
      return Conflict{shared(attachment, *other) + " of " + describe(attachment) + " is used by " +
                      describe(*other)};
    base::logWarn(kInterfaceGone,
                  {{"pod", toString(other->pod)}, {"host_interface", other->hostInterface.text()}});
    forget(conf::idOf(*other));
  }
  return std::nullopt;
}

base::Task<PutOutcome> PodStart::put(conf::Attachment attachment, base::Event::Time deadline) {
  const auto asked = std::chrono::steady_clock::now();
  PutOutcome outcome = co_await enforce(std::move(attachment), deadline);
  if (std::holds_alternative<Enforced>(outcome))
    counters_.duration.observe(std::chrono::steady_clock::now() - asked);
  else if (std::holds_alternative<Conflict>(outcome))
    ++counters_.conflicts;
  else
    ++counters_.timeouts;
  co_return outcome;
}

base::Task<PutOutcome> PodStart::enforce(conf::Attachment attachment, base::Event::Time deadline) {
  if (const auto conflict = usesReserved(attachment)) co_return *conflict;
  if (const auto conflict = clearTheWay(attachment)) co_return *conflict;
  Claim claim(*this, attachment);
  for (bool inTime = true;;) {
    const auto* stored = store_.find(conf::idOf(attachment));
    if (stored == nullptr || *stored != attachment)
      co_return Conflict{describe(attachment) + " was removed or replaced during the request"};
    if (isEnforced(attachment)) {
      claim.keep();
      co_return Enforced{loop_.committed()->generation};
    }
    if (!inTime) co_return TimedOut{whyNot(attachment)};
    inTime = co_await loop_.progress().waitUntil(deadline);
  }
}

base::Task<std::uint64_t> PodStart::remove(conf::AttachmentId id, base::Event::Time deadline) {
  files_.remove(id);
  const bool existed = store_.remove(id);
  const auto generation = store_.generation();
  if (!existed) co_return generation;
  loop_.wake();
  const bool waits = deadline > std::chrono::steady_clock::now();
  if (waits && loop_.committed() && !loop_.fault())
    co_await loop_.waitCommitted(generation, deadline);
  co_return generation;
}

void PodStart::forget(const conf::AttachmentId& id) {
  store_.remove(id);
  loop_.wake();
  try {
    files_.remove(id);
  } catch (const base::SystemError& error) {
    // The next start of kpold removes the file if the interface no longer exists.
    base::logError("cannot delete an attachment's file", {{"error", error.what()}});
  }
}

bool PodStart::isEnforced(const conf::Attachment& attachment) const {
  const auto& committed = loop_.committed();
  if (!committed) return false;
  const auto since = store_.endpointSince(attachment);
  return since && *since <= committed->generation;
}

// Returns " (reason)" if the source has one, else an empty string.
std::string PodStart::because() const {
  const std::string trouble = trouble_ ? trouble_() : std::string();
  return trouble.empty() ? trouble : " (" + trouble + ")";
}

std::string PodStart::whyNot(const conf::Attachment& attachment) const {
  if (!store_.synced()) return "kpold has not read all objects yet" + because();
  const auto pod = store_.findPod(attachment.pod);
  if (!pod) return "kpold does not know pod " + toString(attachment.pod) + " yet" + because();
  if (!isOf(attachment, *pod))
    return "pod " + toString(attachment.pod) + " has UID " + pod->uid + ", not " +
           attachment.podUid;
  if (loop_.fault()) return loop_.fault()->message;
  return "the change is not committed yet";
}

}  // namespace kpol::controller
