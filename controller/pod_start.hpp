// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/histogram.hpp"
#include "conf/attachment.hpp"
#include "controller/attachment_store.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>

namespace kpol::controller {

// The kernel enforces the attachment's policies, in this generation or a later one.
struct Enforced {
  std::uint64_t generation = 0;
};
// The attachment cannot be enforced: another one has its host interface, an address or a host port,
// a host port is reserved, or it was removed meanwhile.
struct Conflict {
  std::string reason;
};
// A port of the node that no pod may have as host port.
struct ReservedPort {
  base::HostPort port;  // the containerPort does not matter
  std::string owner;    // "kpold's VXLAN device"
};
struct TimedOut {
  std::string reason;
};
using PutOutcome = std::variant<Enforced, Conflict, TimedOut>;

// The guarantee to the plugin: put() returns Enforced only if the kernel enforces the pod's
// policies on the attachment. An attachment that was not acknowledged is removed, also if the
// coroutine is cancelled because the plugin closed its connection.
class PodStart {
 public:
  using LinkExists = std::function<bool(const base::IfName&)>;

  PodStart(Store& store, AttachmentStore& files, ReconcileLoop& loop, LinkExists linkExists);
  PodStart(const PodStart&) = delete;
  PodStart& operator=(const PodStart&) = delete;

  // Sets a function that returns a reason why a pod may not be known yet, or an empty string.
  void explainBy(std::function<std::string()> trouble) { trouble_ = std::move(trouble); }

  void reserve(std::vector<ReservedPort> ports) { reserved_ = std::move(ports); }

  // Loads the attachments on disk whose host interface still exists and removes the others. Returns
  // one sentence for each file that cannot be loaded. Throws base::SystemError if a file cannot be
  // removed.
  std::vector<std::string> restore();

  // Registers an attachment and waits until it is enforced. The same attachment again gets the same
  // outcome; a different one with the same ID replaces it. A conflicting attachment on another host
  // interface, which no longer exists, is removed. Throws base::SystemError if the attachment
  // cannot be saved; it is then not registered.
  base::Task<PutOutcome> put(conf::Attachment attachment, base::Event::Time deadline);
  // Removes an attachment and waits until the removal is committed, unless kpold cannot commit now.
  // Returns the generation without the attachment; it stays removed if the wait is cancelled.
  // Throws base::SystemError if its file cannot be removed; it then stays registered.
  base::Task<std::uint64_t> remove(conf::AttachmentId id, base::Event::Time deadline);
  // Removes an attachment without waiting. If its file cannot be removed, logs the error.
  void forget(const conf::AttachmentId& id);

  struct Counters {
    std::uint64_t conflicts = 0;
    std::uint64_t timeouts = 0;
    // Time from the call of put() to its end, for attachments that were enforced.
    base::Histogram duration{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 60};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Whether the kernel enforces its pod's policies on the attachment.
  [[nodiscard]] bool isEnforced(const conf::Attachment& attachment) const;

 private:
  class Claim;
  base::Task<PutOutcome> enforce(conf::Attachment attachment, base::Event::Time deadline);
  [[nodiscard]] std::optional<Conflict> usesReserved(const conf::Attachment& attachment) const;
  std::optional<Conflict> clearTheWay(const conf::Attachment& attachment);
  [[nodiscard]] std::string because() const;
  [[nodiscard]] std::string whyNot(const conf::Attachment& attachment) const;

  Store& store_;
  AttachmentStore& files_;
  ReconcileLoop& loop_;
  LinkExists linkExists_;
  std::vector<ReservedPort> reserved_;
  std::function<std::string()> trouble_;
  Counters counters_;
  std::map<conf::AttachmentId, const Claim*> claims_;  // the latest waiting put() of each ID
};

}  // namespace kpol::controller
