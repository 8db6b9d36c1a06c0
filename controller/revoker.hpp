// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"
#include "policy/changed_flows.hpp"
#include "policy/flow_verdicts.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>

namespace kpol::controller {

// Cuts established flows that a later change forbids, and restores them when a still later one
// allows them again. The table accepts established packets before it evaluates policies, except
// those whose conntrack entry has the revoked label; this class sets and clears that label.
//
// After each commit it reviews the flows of the addresses concerned: reads their conntrack entries,
// evaluates each with the engine's policies on its tuple after destination NAT, and corrects its
// label. A change that can only loosen leads to a review only if flows of the address are cut.
// Reads and writes of conntrack happen in a thread of their own, with which this class exchanges
// values; evaluation happens in slices of about a millisecond. Memory is bounded by one batch of
// entries.
//
// Flows that a conntrack helper announced (FTP data, for example) are left alone.
class Revoker {
 public:
  enum class Mode : std::uint8_t {
    Cut,
    Keep,  // restores once what an earlier kpold cut, and then does nothing
  };
  // `store` and `loop` must outlive this object.
  Revoker(Store& store, ReconcileLoop& loop, Mode mode);
  ~Revoker();
  Revoker(const Revoker&) = delete;
  Revoker& operator=(const Revoker&) = delete;

  // Runs until cancelled; with Mode::Keep, until all is restored. Throws netlink::Error; when it
  // runs again, it reviews all flows.
  base::Task<> run();

  struct Counters {
    std::uint64_t cut = 0;       // flows
    std::uint64_t restored = 0;  // flows
    std::uint64_t failed = 0;    // flows whose label could not be changed
    std::uint64_t reviews = 0;
    double lastSeconds = 0;  // duration of the last review
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Mode mode() const { return mode_; }
  // Whether a review is due or in progress.
  [[nodiscard]] bool pending() const;

 private:
  class Conntrack;
  base::Task<> review();
  base::Task<> reviewWith(std::shared_ptr<Conntrack> conntrack);
  std::shared_ptr<Conntrack> conntrackFor(const policy::ChangedFlows& changed);
  void rememberCut(const policy::Flow& flow);

  Store& store_;
  ReconcileLoop& loop_;
  Mode mode_;
  policy::ChangedFlows pending_;
  policy::ChangedFlows current_;  // of the review in progress
  // The ends of cut flows. Too many to remember: every flow may be cut.
  std::set<base::IpAddress> cutEnds_;
  bool manyCut_ = false;
  Counters counters_;
  std::unique_ptr<base::asio::thread_pool> worker_;
};

const char* toString(Revoker::Mode mode);  // "cut", "keep"

}  // namespace kpol::controller
