// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"
#include "node/cni_config.hpp"

#include <functional>
#include <optional>
#include <string>

namespace kpol::controller {

// Tells the container runtime that the node has a network, once it has: when kpold's first commit
// is through and the Node object has its pod CIDRs, the network config is written. From then on it
// is kept: put back when somebody changes or deletes it, and written anew when what it says becomes
// another, unless pods stand against it (node/cni_config.hpp). Nobody removes it but `kpold
// --cleanup`: while kpold is away the plugin itself refuses to start pods.
class CniConfig {
 public:
  struct Options {
    std::string directory;  // empty: nothing is ever written
    std::string nodeName;
    std::string stateDir;
    std::string socket;
    // Of pods' interfaces, as of now; 0: the plugin chooses. Nothing: not known yet.
    std::function<std::optional<std::uint32_t>()> mtu;
  };
  // Both outlive this object.
  CniConfig(Options options, const Store& store, ReconcileLoop& loop)
      : options_(std::move(options)), store_(store), loop_(loop) {}

  // Until cancelled. Throws what ends a look at the directory, after which it may be run again.
  base::Task<> run();

  struct Status {
    std::string file;  // empty: none is written
    bool written = false;
    std::string trouble;  // why it is not written, or does not say what it should; empty: nothing
  };
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void makeDirectory();
  [[nodiscard]] std::optional<conf::Conflist> wanted();
  void keep();
  void troubled(const std::string& why);
  void write(const conf::Conflist& wanted);

  Options options_;
  const Store& store_;
  ReconcileLoop& loop_;
  Status status_;
};

}  // namespace kpol::controller
