// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"
#include "kube/manifest_directory.hpp"

#include <functional>
#include <vector>

namespace kpol::controller {

// Feeds the store from a directory of manifests.
class DirectorySource final : public Source {
 public:
  // `changed` is called after every read.
  DirectorySource(kube::ManifestDirectory directory, Store& store, std::function<void()> changed);

  // Follows the directory until cancelled. The first read happens at once.
  base::Task<> run() override;
  // Reads everything that is complete in the directory now.
  base::Task<std::string> catchUp(base::Event::Time deadline) override;
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const override {
    return diagnostics_;
  }

 private:
  void readNow();

  kube::ManifestDirectory directory_;
  Store& store_;
  std::function<void()> changed_;
  std::vector<policy::Diagnostic> diagnostics_;
};

}  // namespace kpol::controller
