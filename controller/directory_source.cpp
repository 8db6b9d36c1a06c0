// SPDX-License-Identifier: Apache-2.0
#include "controller/directory_source.hpp"

#include "base/async/asio.hpp"
#include "base/async/readable.hpp"
#include "base/log.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

void report(const policy::Diagnostic& diagnostic) {
  const bool isError = diagnostic.severity == policy::Diagnostic::Severity::Error;
  base::log(
      isError ? base::LogLevel::Error : base::LogLevel::Warn, "invalid manifest",
      {{"object", diagnostic.object}, {"field", diagnostic.field}, {"error", diagnostic.message}});
}

}  // namespace

DirectorySource::DirectorySource(kube::ManifestDirectory directory, Store& store,
                                 std::function<void()> changed)
    : directory_(std::move(directory)), store_(store), changed_(std::move(changed)) {}

void DirectorySource::readNow() {
  auto update = directory_.read();
  for (const auto& event : update.events) store_.apply(event);
  for (const auto& diagnostic : update.diagnostics)
    if (!std::binary_search(diagnostics_.begin(), diagnostics_.end(), diagnostic))
      report(diagnostic);
  diagnostics_ = std::move(update.diagnostics);
  if (!store_.synced()) {
    const auto counts = store_.counts();
    base::logInfo("source synced", {{"pods", counts.pods},
                                    {"namespaces", counts.namespaces},
                                    {"policies", counts.networkPolicies}});
  }
  store_.markSynced();
  changed_();
}

base::Task<std::string> DirectorySource::catchUp(base::Event::Time /*deadline*/) {
  readNow();
  co_return std::string();
}

base::Task<> DirectorySource::run() {
  base::Readable readable(co_await base::asio::this_coro::executor, directory_.fd());
  for (;;) {
    readNow();
    co_await readable.wait();
  }
}

}  // namespace kpol::controller
