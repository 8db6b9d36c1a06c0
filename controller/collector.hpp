// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "controller/pod_start.hpp"
#include "controller/settler.hpp"
#include "controller/store.hpp"

#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace kpol::controller {

// Removes what no DEL will remove. A runtime that lost its state or never calls GC leaves
// attachments whose pod has neither a network namespace nor a link, and leases without an
// attachment whose pod has no link. What looks abandoned in two consecutive checks is removed, and
// its leases are released. If the runtime's namespace files are not visible to kpold, only the link
// decides.
class Collector {
 public:
  struct Options {
    std::string stateDir;
    std::chrono::milliseconds grace;  // between two checks
  };
  // All arguments outlive this object.
  Collector(Options options, const Store& store, PodStart& podStart, Settler& settler)
      : options_(std::move(options)), store_(store), podStart_(podStart), settler_(settler) {}

  // Checks after every `grace`, until cancelled. Throws netlink::Error, base::Error.
  base::Task<> run();

 private:
  using Ids = std::set<conf::AttachmentId>;
  [[nodiscard]] Ids findAbandoned() const;
  void check();
  bool collect(const conf::AttachmentId& id);
  bool depart(const conf::AttachmentId& id);
  [[nodiscard]] std::vector<base::IpAddress> orphanedIps(const conf::Attachment& attachment) const;

  Options options_;
  const Store& store_;
  PodStart& podStart_;
  Settler& settler_;
  Ids suspects_;  // abandoned in the last check
};

}  // namespace kpol::controller
