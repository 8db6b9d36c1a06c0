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

// The state of the watch of one kind.
struct WatchStatus {
  std::string kind;             // "Pod"
  std::string state;            // "listing", "watching", "waiting"
  bool listed = false;          // the first list is complete
  std::string resourceVersion;  // of the known state
  std::string trouble;          // why the watch fails now; empty while it works
  std::optional<std::chrono::system_clock::time_point> heardAt;
  // Counted since the start.
  std::uint64_t lists = 0;
  std::uint64_t watches = 0;
  std::uint64_t failures = 0;
  std::uint64_t events = 0;
  std::uint64_t requests = 0;
  std::uint64_t connections = 0;
  std::uint64_t bytesReceived = 0;
  std::vector<std::pair<const char*, std::uint64_t>> watchRestarts;  // by reason
  // From a request to the head of the response, by verb.
  std::vector<std::pair<const char*, base::Histogram>> latency;
};

// Reads the cluster's objects into the store while it runs.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Runs until cancelled.
  virtual base::Task<> run() = 0;
  // Waits until everything that the source contained at the call is in the store. Returns an empty
  // string then, else the reason why not.
  virtual base::Task<std::string> catchUp(base::Event::Time deadline) = 0;
  // Errors and warnings about the objects, sorted.
  [[nodiscard]] virtual std::vector<policy::Diagnostic> diagnostics() const = 0;
  // The watches of an API server; empty for other sources.
  [[nodiscard]] virtual std::vector<WatchStatus> watches() const { return {}; }
  // Sends an object to the cluster. Returns the status of the response, or 0 if the source has no
  // server. Throws base::Error if there is no response.
  virtual base::Task<unsigned> post(std::string path, std::string body);
  // Applies a strategic merge patch to an object of the cluster; otherwise as post(). One call at a
  // time.
  virtual base::Task<unsigned> patch(std::string path, std::string body);
  // Why an existing object may not be known yet; empty if there is no reason.
  [[nodiscard]] virtual std::string trouble() const { return {}; }
};

}  // namespace kpol::controller
