// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/metrics.hpp"
#include "controller/node_state.hpp"
#include "controller/pod_start.hpp"
#include "controller/router.hpp"
#include "controller/settler.hpp"

namespace kpol::controller {

// The HTTP API on kpold's socket. The body of an error is {"error": text}.
//
//   PUT    /v1/attachments[?timeout=S]    body: conf::Attachment; 200 {"generation":N} once it is
//                                         enforced; 409 on a conflict; 504 if not enforced within S
//                                         seconds (default 20, at most 60): it is then removed
//   GET    /v1/attachments[/ID/IFNAME]
//   DELETE /v1/attachments/ID/IFNAME[?stateDir=PATH]
//                                         200 even if there is none. Responds at once with
//                                         {"settling":true} if PATH is kpold's state directory and
//                                         its release is pending there: kpold then completes it
//   GET    /v1/status
//   GET    /v1/show/pods|policies|sets|ruleset|ips|pod/NS/NAME|policy/NS/NAME
//   GET    /v1/explain?from=&to=&port=&protocol=tcp|udp|sctp|icmp|icmpv6|NUMBER
//   POST   /v1/sync[?timeout=S]           200 once everything that the source contains now (the
//                                         directory's files, or the API server's objects) is
//                                         committed, else 504
class ControlApi {
 public:
  // All arguments outlive this object, and this object outlives the router's calls.
  ControlApi(const NodeState& state, PodStart& podStart, Source& source, ReconcileLoop& loop);

  // Sets the settler that DELETE wakes if a release is pending in `stateDir`. /v1/show/ips reads
  // the leases of `stateDir`.
  void settleWith(Settler& settler, std::string stateDir) {
    settler_ = &settler;
    stateDir_ = std::move(stateDir);
  }

  void addTo(Router& router);

 private:
  void addAttachmentRoutes(Router& router);
  void addShowRoutes(Router& router);
  base::Task<Response> putAttachment(Call call);
  base::Task<Response> deleteAttachment(Call call);
  [[nodiscard]] Response getAttachment(const Call& call) const;
  [[nodiscard]] Response listAttachments() const;
  [[nodiscard]] Response explain(const Call& call) const;
  base::Task<Response> sync(Call call);

  const NodeState& state_;
  PodStart& podStart_;
  Source& source_;
  ReconcileLoop& loop_;
  Settler* settler_ = nullptr;
  std::string stateDir_;
};

// Adds /metrics, /livez and /readyz for the metrics port.
void addHealthRoutes(const NodeState& state, Metrics& metrics, Router& router);

}  // namespace kpol::controller
