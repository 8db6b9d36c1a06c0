// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task_group.hpp"
#include "controller/source.hpp"
#include "controller/store.hpp"
#include "kube/api_client.hpp"
#include "kube/credentials.hpp"
#include "kube/reflector.hpp"

#include <array>
#include <functional>
#include <memory>

namespace kpol::controller {

// Feeds the store from an API server, with one reflector for each kind. The store is synced once
// every kind has been listed. After that, objects are kept while the server is unreachable.
class ApiSource final : public Source {
 public:
  // `changed` is called after the store has changed.
  ApiSource(kube::ClusterConfig config, kube::ListWatch::Options options, Store& store,
            std::function<void()> changed);

  base::Task<> run() override;
  base::Task<std::string> catchUp(base::Event::Time deadline) override;
  base::Task<unsigned> post(std::string path, std::string body) override;
  base::Task<unsigned> patch(std::string path, std::string body) override;
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const override;
  [[nodiscard]] std::vector<WatchStatus> watches() const override;
  [[nodiscard]] std::string trouble() const override;

 private:
  void updated();

  kube::Credentials credentials_;
  kube::ApiClient poster_{credentials_};
  std::unique_ptr<kube::ApiClient> patcher_;  // most nodes never need it
  Store& store_;
  std::function<void()> changed_;
  std::array<std::unique_ptr<kube::Reflector>, 4> reflectors_;
};

}  // namespace kpol::controller
