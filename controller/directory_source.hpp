// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"
#include "controller/store.hpp"
#include "kube/manifest_directory.hpp"

#include <functional>
#include <vector>

namespace kpol::controller {

// Feeds the store from a directory of manifests.
class DirectorySource {
 public:
  // `changed` is called after every read.
  DirectorySource(kube::ManifestDirectory directory, Store& store, std::function<void()> changed);

  // Follows the directory until cancelled; the first read comes at once.
  base::Task<> run();
  // Takes in everything that is complete in the directory now.
  void readNow();
  // What stands against the manifests, sorted.
  [[nodiscard]] const std::vector<policy::Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  kube::ManifestDirectory directory_;
  Store& store_;
  std::function<void()> changed_;
  std::vector<policy::Diagnostic> diagnostics_;
};

}  // namespace kpol::controller
