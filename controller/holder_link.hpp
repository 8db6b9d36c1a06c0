// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "base/unique_fd.hpp"
#include "controller/reconcile_loop.hpp"
#include "nft/kernel.hpp"
#include "node/holder_connection.hpp"

#include <string>
#include <utility>

namespace kpol::controller {

// Hands the netlink socket that owns the table over to the holder (`kpold hold`), and hands it over
// again to each new holder. Without a holder kpold works the same, but the table is not held: if
// kpold exits, it has no owner. Writes nothing to the kernel.
class HolderLink {
 public:
  // `path`: node::holderPath. All must outlive this object.
  HolderLink(std::string path, nft::Kernel& kernel, ReconcileLoop& loop)
      : path_(std::move(path)), kernel_(kernel), loop_(loop) {}
  HolderLink(const HolderLink&) = delete;
  HolderLink& operator=(const HolderLink&) = delete;

  // Runs until cancelled.
  base::Task<> run();

  // Whether the holder confirmed that it has the socket, and is still connected.
  [[nodiscard]] bool held() const { return held_; }

 private:
  // Returns when the connection ended, or the holder did not reply.
  base::Task<> use(node::HolderConnection& connection);
  // If the holder's socket owns the table, and this kpold could not fetch it at its start.
  void takeOver(base::UniqueFd socket);
  void setHeld();
  void setLost();

  std::string path_;
  nft::Kernel& kernel_;
  ReconcileLoop& loop_;
  bool held_ = false;
  bool warned_ = false;
};

}  // namespace kpol::controller
