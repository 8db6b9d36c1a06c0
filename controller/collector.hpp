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

// Takes away what no DEL will: a runtime that lost its memory, or that never calls GC, leaves
// attachments of pods that have no network namespace and no link any more, and leases whose pod has
// no link. What looks so in two checks in a row is forgotten, and its addresses are freed. Where
// the namespace files of the runtime cannot be seen, the link alone decides.
class Collector {
 public:
  struct Options {
    std::string stateDir;
    std::chrono::milliseconds grace;  // between two checks
  };
  // All outlive this object.
  Collector(Options options, const Store& store, PodStart& podStart, Settler& settler)
      : options_(std::move(options)), store_(store), podStart_(podStart), settler_(settler) {}

  // Checks once every grace, until cancelled. Throws netlink::Error, base::Error.
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
  Ids suspects_;  // of the last check
};

}  // namespace kpol::controller
