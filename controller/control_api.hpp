// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/metrics.hpp"
#include "controller/node_state.hpp"
#include "controller/pod_start.hpp"
#include "controller/router.hpp"
#include "controller/settler.hpp"

namespace kpol::controller {

// What kpold answers on its socket. Errors are {"error": text}.
//
//   PUT    /v1/attachments[?timeout=S]    body: conf::Attachment; 200 {"generation":N} once it is
//                                         enforced; 409 in conflict; 504 not in time (S seconds,
//                                         20 unless told, at most 60), and then it is forgotten
//   GET    /v1/attachments[/ID/IFNAME]
//   DELETE /v1/attachments/ID/IFNAME[?stateDir=PATH]
//                                         200 also when there is none. {"settling":true} where PATH
//                                         is kpold's own and its departure is on record there: that
//                                         is kpold's business now, and it answers at once
//   GET    /v1/status
//   GET    /v1/show/pods|policies|sets|ruleset|ips|pod/NS/NAME|policy/NS/NAME
//   GET    /v1/explain?from=&to=&port=&protocol=tcp|udp|sctp|icmp|NUMBER
//   POST   /v1/sync[?timeout=S]           200 once all the source has now is committed, else 504
//                                         (what it has: the directory's files, or what the API
//                                         server has stored)
class ControlApi {
 public:
  // All outlive this object, and it outlives the router's calls.
  ControlApi(const NodeState& state, PodStart& podStart, Source& source, ReconcileLoop& loop);

  // What DELETE is told to settle, where it is in this state directory.
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

// /metrics, /livez and /readyz of the metrics port.
void addHealthRoutes(const NodeState& state, Metrics& metrics, Router& router);

}  // namespace kpol::controller
