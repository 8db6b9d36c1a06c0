// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/async/task.hpp"
#include "base/histogram.hpp"
#include "policy/diagnostic.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::controller {

// How one kind of object is followed.
struct WatchStatus {
  std::string kind;             // "Pod"
  std::string state;            // "listing", "watching", "waiting"
  bool listed = false;          // a first list is complete
  std::string resourceVersion;  // of what is known
  std::string trouble;          // why the server is not followed now; empty while it is
  std::optional<std::chrono::system_clock::time_point> heardAt;
  // Since the start.
  std::uint64_t lists = 0;
  std::uint64_t watches = 0;
  std::uint64_t failures = 0;
  std::uint64_t events = 0;
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
  std::uint64_t bytesReceived = 0;
  std::vector<std::pair<const char*, std::uint64_t>> watchRestarts;  // by reason
  // Of requests, to the head of their answers, by verb.
  std::vector<std::pair<const char*, base::Histogram>> latency;
};

// Where the cluster's objects come from: feeds the store for as long as it runs.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Until cancelled.
  virtual base::Task<> run() = 0;
  // Returns when all that the source had at the call is in the store: nothing then, else why not.
  virtual base::Task<std::string> catchUp(base::Event::Time deadline) = 0;
  // What stands against the objects, sorted.
  [[nodiscard]] virtual std::vector<policy::Diagnostic> diagnostics() const = 0;
  // Of a source that watches; empty otherwise.
  [[nodiscard]] virtual std::vector<WatchStatus> watches() const { return {}; }
  // Sends the cluster an object: the status of its answer; 0 of a source that takes none. Throws
  // base::Error where nobody answers.
  virtual base::Task<unsigned> post(std::string path, std::string body);
  // Why an object that exists may not be known yet; empty when there is no reason.
  [[nodiscard]] virtual std::string trouble() const { return {}; }
};

}  // namespace kpol::controller
