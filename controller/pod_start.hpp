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

// The policy for the attachment is in the kernel, in this generation or a later one.
struct Enforced {
  std::uint64_t generation = 0;
};
// It cannot be: another attachment holds its interface or an address, or it was removed meanwhile.
struct Conflict {
  std::string reason;
};
struct TimedOut {
  std::string reason;
};
using PutOutcome = std::variant<Enforced, Conflict, TimedOut>;

// What the plugin is promised: put() returns Enforced only when the kernel enforces the pod's
// policies on the attachment, and an attachment that was not acknowledged is forgotten, also when
// the coroutine is cancelled because the plugin went away.
class PodStart {
 public:
  using LinkExists = std::function<bool(const base::IfName&)>;

  PodStart(Store& store, AttachmentStore& files, ReconcileLoop& loop, LinkExists linkExists);
  PodStart(const PodStart&) = delete;
  PodStart& operator=(const PodStart&) = delete;

  // Gives a reason why a pod may not be known yet, or an empty text.
  void explainBy(std::function<std::string()> trouble) { trouble_ = std::move(trouble); }

  // Takes in the attachments on disk whose host interface still exists and drops the others.
  // Returns a sentence for each file that cannot be taken.
  std::vector<std::string> restore();

  // The same attachment again is answered like the first time; another one with its id replaces it.
  // An attachment in the way whose host interface is gone is dropped.
  base::Task<PutOutcome> put(conf::Attachment attachment, base::Event::Time deadline);
  // Waits until the removal is committed, but not while kpold cannot commit. Returns the generation
  // without the attachment. It is removed whatever happens after.
  base::Task<std::uint64_t> remove(conf::AttachmentId id, base::Event::Time deadline);
  // The same without waiting. A file that cannot be removed is logged.
  void forget(const conf::AttachmentId& id);

  struct Counters {
    std::uint64_t conflicts = 0;
    std::uint64_t timeouts = 0;
    // Of those that were enforced, from put() to its end.
    base::Histogram duration{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 60};
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Whether the kernel enforces the policies of its pod on it.
  [[nodiscard]] bool isEnforced(const conf::Attachment& attachment) const;

 private:
  class Claim;
  base::Task<PutOutcome> enforce(conf::Attachment attachment, base::Event::Time deadline);
  std::optional<Conflict> clearTheWay(const conf::Attachment& attachment);
  [[nodiscard]] std::string because() const;
  [[nodiscard]] std::string whyNot(const conf::Attachment& attachment) const;

  Store& store_;
  AttachmentStore& files_;
  ReconcileLoop& loop_;
  LinkExists linkExists_;
  std::function<std::string()> trouble_;
  Counters counters_;
  std::map<conf::AttachmentId, const Claim*> claims_;  // the latest put of each, while it waits
};

}  // namespace kpol::controller
