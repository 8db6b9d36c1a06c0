// SPDX-License-Identifier: Apache-2.0
#include "controller/revoker.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/error.hpp"
#include "netlink/flow_dump.hpp"
#include "policy/chains.hpp"

#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using ReviewClock = Reconciler::Clock;

// Entries of one batch: a few hundred kilobytes.
constexpr std::size_t kBatchEntries = 1024;
// The main thread evaluates flows for so long before it serves others.
constexpr auto kSlice = 1ms;
constexpr std::size_t kMostCutEnds = 4096;
// The least pause between reviews; the next one covers all commits meanwhile.
constexpr auto kShortestPause = 5ms;

double secondsSince(ReviewClock::time_point start) {
  return std::chrono::duration<double>(ReviewClock::now() - start).count();
}

// An entry whose label must change.
struct Relabel {
  netlink::TrackedFlow flow;
  bool cut = false;  // else restored
};
struct Relabelled {
  std::uint64_t cut = 0;
  std::uint64_t restored = 0;
  std::uint64_t failed = 0;
  std::string error;  // the last one
};

// The tuple for which policies are evaluated. nullopt: not an IP flow.
std::optional<policy::Flow> flowOf(const netlink::TrackedFlow& tracked) {
  const auto& source = tracked.original.source;
  const auto& destination = tracked.reply.source;
  if (!source || !destination || source->family() != destination->family()) return std::nullopt;
  return policy::Flow{*source, *destination, tracked.original.protocol, tracked.reply.sourcePort};
}

}  // namespace

// Used by the worker's thread only, while the coroutine waits for it.
class Revoker::Conntrack {
 public:
  Conntrack() = default;  // all entries
  explicit Conntrack(std::vector<netlink::FlowEnd> ends) : dump_(std::move(ends)) {}

  // Empty: the end.
  std::vector<netlink::TrackedFlow> read() { return dump_.next(kBatchEntries); }

  Relabelled write(const std::vector<Relabel>& relabels) {
    Relabelled done;
    for (const auto& [flow, cut] : relabels) {
      try {
        const bool changed = cut ? label_.set(flow) : label_.clear(flow);
        (cut ? done.cut : done.restored) += changed ? 1U : 0U;
      } catch (const netlink::Error& error) {
        ++done.failed;
        done.error = error.what();
      }
    }
    return done;
  }

 private:
  netlink::FlowDump dump_;
  netlink::FlowLabel label_{policy::kRevokedLabelBit};
};

namespace {

template <class Conntrack>
base::Task<std::vector<netlink::TrackedFlow>> readBatch(std::shared_ptr<Conntrack> conntrack) {
  co_return conntrack->read();
}

template <class Conntrack>
base::Task<Relabelled> writeLabels(std::shared_ptr<Conntrack> conntrack,
                                   std::vector<Relabel> relabels) {
  co_return conntrack->write(relabels);
}

}  // namespace

Revoker::Revoker(Store& store, ReconcileLoop& loop, Mode mode)
    : store_(store),
      loop_(loop),
      mode_(mode),
      worker_(std::make_unique<base::asio::thread_pool>(1)) {}
Revoker::~Revoker() = default;

bool Revoker::pending() const {
  return !current_.empty() || !pending_.empty() || (mode_ == Mode::Cut && loop_.hasChangedFlows());
}

base::Task<> Revoker::run() {
  // After a review that failed, it is unknown which flows are cut.
  if (!std::exchange(current_, {}).empty()) pending_.addAll();
  while (!loop_.committed()) co_await loop_.progress().waitUntil(base::Event::kNever);
  if (mode_ == Mode::Keep) pending_.addAll();
  for (;;) {
    pending_.add(loop_.takeChangedFlows());
    if (pending_.empty()) {
      co_await loop_.progress().waitUntil(base::Event::kNever);
      continue;
    }
    const auto start = ReviewClock::now();
    current_ = std::exchange(pending_, {});
    co_await review();
    current_ = {};
    if (mode_ == Mode::Keep) co_return;
    // At most half of the time is spent on reviews.
    co_await base::sleepFor(
        std::max<ReviewClock::duration>(kShortestPause, ReviewClock::now() - start));
  }
}

std::shared_ptr<Revoker::Conntrack> Revoker::conntrackFor(const policy::ChangedFlows& changed) {
  if (changed.all() || manyCut_) {
    cutEnds_.clear();
    manyCut_ = false;
    return std::make_shared<Conntrack>();
  }
  std::vector<netlink::FlowEnd> ends;
  for (const auto& [address, effects] : changed.addresses()) {
    const bool isCut = cutEnds_.contains(address);
    const auto isDue = [&](policy::Direction direction) {
      const auto& effect = effects.at(static_cast<std::size_t>(direction));
      return effect.tightens || (effect.loosens && isCut);
    };
    const netlink::FlowEnd end{address, isDue(policy::Direction::Egress),
                               isDue(policy::Direction::Ingress)};
    if (!end.opened && !end.received) continue;
    ends.push_back(end);
    if (end.opened && end.received) cutEnds_.erase(address);  // found again, if it still is
  }
  return ends.empty() ? nullptr : std::make_shared<Conntrack>(std::move(ends));
}

void Revoker::rememberCut(const policy::Flow& flow) {
  if (manyCut_) return;
  cutEnds_.insert(flow.source);
  cutEnds_.insert(flow.destination);
  manyCut_ = cutEnds_.size() > kMostCutEnds;
}

base::Task<> Revoker::review() {
  auto conntrack = conntrackFor(current_);
  if (!conntrack) co_return;
  const auto start = ReviewClock::now();
  const auto before = counters_;
  co_await reviewWith(std::move(conntrack));
  ++counters_.reviews;
  counters_.lastSeconds = secondsSince(start);
  const auto cut = counters_.cut - before.cut;
  const auto restored = counters_.restored - before.restored;
  if (cut == 0 && restored == 0) co_return;
  base::logInfo("established flows reviewed",
                {{"cut", cut}, {"restored", restored}, {"took_ms", counters_.lastSeconds * 1000}});
}

base::Task<> Revoker::reviewWith(std::shared_ptr<Conntrack> conntrack) {
  policy::FlowVerdicts verdicts(store_.engine());
  auto generation = store_.generation();
  auto sliceEnd = ReviewClock::now() + kSlice;
  for (;;) {
    auto read = readBatch(conntrack);
    auto batch =
        co_await base::asio::co_spawn(*worker_, std::move(read), base::asio::use_awaitable);
    if (batch.empty()) co_return;
    std::vector<Relabel> relabels;
    for (auto& tracked : batch) {
      if (ReviewClock::now() >= sliceEnd) {
        co_await base::sleepFor(0ms);
        sliceEnd = ReviewClock::now() + kSlice;
      }
      if (std::exchange(generation, store_.generation()) != store_.generation()) verdicts.refresh();
      const auto flow = flowOf(tracked);
      if (!flow || tracked.isExpected()) continue;
      const bool forbidden = mode_ == Mode::Cut && !verdicts.allows(*flow);
      if (forbidden) rememberCut(*flow);
      if (forbidden == tracked.hasLabel(policy::kRevokedLabelBit)) continue;
      relabels.push_back(Relabel{std::move(tracked), forbidden});
    }
    if (relabels.empty()) continue;
    auto write = writeLabels(conntrack, std::move(relabels));
    const Relabelled done =
        co_await base::asio::co_spawn(*worker_, std::move(write), base::asio::use_awaitable);
    counters_.cut += done.cut;
    counters_.restored += done.restored;
    counters_.failed += done.failed;
    if (done.failed > 0)
      base::logWarn("established flows not cut or restored",
                    {{"flows", done.failed}, {"error", done.error}});
  }
}

const char* toString(Revoker::Mode mode) {
  return mode == Revoker::Mode::Cut ? "cut" : "keep";
}

}  // namespace kpol::controller
