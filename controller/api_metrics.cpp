// SPDX-License-Identifier: Apache-2.0
#include "controller/api_metrics.hpp"

namespace kpol::controller {
namespace {

using Watches = std::vector<WatchStatus>;

struct Counter {
  const char* name;
  const char* help;
  std::uint64_t WatchStatus::*value;
};

void addCounters(const Watches& watches, Exposition& exposition) {
  for (const Counter& counter : {
           Counter{"kpold_api_lists_total", "Lists, or pages of lists, started.",
                   &WatchStatus::lists},
           Counter{"kpold_api_watches_total", "Watches started, including streaming lists.",
                   &WatchStatus::watches},
           Counter{"kpold_api_failures_total", "Requests and watches that failed.",
                   &WatchStatus::failures},
           Counter{"kpold_api_objects_total", "Objects received by lists and watches.",
                   &WatchStatus::events},
           Counter{"kpold_api_requests_total", "Responses received.", &WatchStatus::requests},
           Counter{"kpold_api_connections_total", "Connection attempts.",
                   &WatchStatus::connections},
           Counter{"kpold_api_received_bytes_total", "Bytes received.",
                   &WatchStatus::bytesReceived},
       }) {
    auto family = exposition.counter(counter.name, counter.help);
    for (const auto& watch : watches) family.sample(watch.*counter.value, {{"kind", watch.kind}});
  }
}

}  // namespace

void addApi(const Watches& watches, Exposition& exposition) {
  addCounters(watches, exposition);
  auto restarts = exposition.counter(
      "kpold_api_watch_restarts_total",
      "Watches that ended, by reason: ended by the server as requested, resource version "
      "expired, refused by the server, connection broken, or a new list wanted by kpolctl sync.");
  for (const auto& watch : watches)
    for (const auto& [reason, count] : watch.watchRestarts)
      restarts.sample(count, {{"kind", watch.kind}, {"reason", reason}});
  auto latency = exposition.histogram("kpold_api_request_duration_seconds",
                                      "Time from a request to the head of its response.");
  for (const auto& watch : watches)
    for (const auto& [verb, histogram] : watch.latency)
      latency.sample(histogram, {{"kind", watch.kind}, {"verb", verb}});
  auto followed = exposition.gauge("kpold_api_followed",
                                   "1 while kpold follows the kind's objects at the server.");
  for (const auto& watch : watches)
    followed.sample(std::uint64_t{watch.listed && watch.trouble.empty()}, {{"kind", watch.kind}});
  auto heard =
      exposition.gauge("kpold_api_heard_timestamp_seconds",
                       "Time of the last data from the server, in seconds since the epoch.");
  for (const auto& watch : watches)
    if (watch.heardAt)
      heard.sample(std::chrono::duration<double>(watch.heardAt->time_since_epoch()).count(),
                   {{"kind", watch.kind}});
}

}  // namespace kpol::controller
