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

// Writes the CNI network config, which makes the node Ready for the container runtime. It is
// written once kpold's first commit has succeeded, the Node object has its pod CIDRs and the pod
// MTU is known. After that it is kept up to date: restored if another program changes or deletes
// it, and rewritten if its contents must change, unless existing pods use the old ranges
// (node/cni_config.hpp). Only `kpold --cleanup` removes it: without kpold the plugin itself rejects
// new pods.
class CniConfig {
 public:
  struct Options {
    std::string directory;  // empty: no file is written
    std::string nodeName;
    std::string stateDir;
    std::string socket;
    // The current MTU of pod interfaces. 0: the plugin chooses. nullopt: not known yet.
    std::function<std::optional<std::uint32_t>()> mtu;
  };
  // `store` and `loop` outlive this object.
  CniConfig(Options options, const Store& store, ReconcileLoop& loop)
      : options_(std::move(options)), store_(store), loop_(loop) {}

  // Runs until cancelled. Throws base::SystemError if the directory cannot be created, watched or
  // read; it may then be called again.
  base::Task<> run();

  struct Status {
    std::string file;  // empty: run() has not started, or no file is configured
    bool written = false;
    std::string trouble;  // why the file is not written or is out of date; empty if it is current
    // The path of another network's config, which container runtimes use instead of ours because
    // its name sorts before; empty: none.
    std::string shadowedBy = {};
  };
  [[nodiscard]] const Status& status() const { return status_; }
  // A sentence about Status::shadowedBy.
  static std::string describeShadow(const Status& status);

 private:
  void makeDirectory();
  [[nodiscard]] std::optional<conf::Conflist> wanted();
  void keep();
  void troubled(const std::string& why);
  void write(const conf::Conflist& wanted);
  void checkOthers();

  Options options_;
  const Store& store_;
  ReconcileLoop& loop_;
  Status status_;
};

}  // namespace kpol::controller
