// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"
#include "tests/kube/certificates.hpp"
#include "tests/kube/fake_api.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kpol::test {

inline const char* const kToken = "the-secret-token";

inline const char* const kNodeRest = R"("uid":"n"},"spec":{"podCIDR":"10.0.0.0/24"})";

// An object whose value is the rest of its text after name and version.
inline std::string objectText(const std::string& name, const std::string& rest,
                              std::uint64_t version) {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + std::to_string(version) +
         "\"," + rest + "}";
}

// The four kinds of an API server, on a thread of its own.
class ClusterApi {
 public:
  using Exchange = kube::testing::Exchange;

  ClusterApi() : signer_(kube::testing::makeAuthority()) {
    for (auto* api : {&namespaces, &policies, &nodes, &pods}) api->text = objectText;
    const auto certified = kube::testing::issue(signer_, "server", "IP:127.0.0.1");
    tls_ = {certified.certificatePem, certified.keyPem, ""};
    thread_ = std::thread([this] { io_.run(); });
    start();
  }
  ~ClusterApi() {
    stop();
    guard_.reset();
    thread_.join();
  }

  void start() {
    inside([this] {
      server_ = std::make_unique<kube::testing::ScriptedServer>(
          io_, [this](Exchange& exchange) { return answer(exchange); }, tls_, "127.0.0.1", port_);
      port_ = server_->port();
    });
  }
  // The server is gone; its port is closed.
  void stop() {
    inside([this] {
      if (server_) server_->stop();
    });
    for (bool idle = false; !idle;) {
      inside([this, &idle] { idle = !server_ || server_->idle(); });
      if (!idle) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    inside([this] { server_.reset(); });
  }
  // Runs on the server's thread.
  void inside(const std::function<void()>& change) {
    std::promise<void> done;
    base::asio::post(io_, [&] {
      change();
      done.set_value();
    });
    done.get_future().get();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& authority() const { return signer_.certificatePem; }

  kube::testing::FakeApi namespaces, policies, nodes, pods;
  bool policiesHang = false;
  std::vector<kube::testing::Asked> events;  // posted, of the namespace shop
  std::vector<kube::testing::Asked> nodeEvents;
  unsigned eventStatus = 201;
  std::vector<kube::testing::Asked> patches;  // of the status of node n1, which loses its taint
  bool tokenMissing = false;                  // some request came without it

 private:
  base::Task<> answer(Exchange& exchange) {
    tokenMissing = tokenMissing || exchange.asked.authorization != std::string("Bearer ") + kToken;
    const std::string& path = exchange.asked.path;
    if (path == "/apis/networking.k8s.io/v1/networkpolicies")
      return policiesHang ? exchange.hang() : policies.answer(exchange);
    if (path == "/api/v1/namespaces") return namespaces.answer(exchange);
    if (path == "/api/v1/nodes") return nodes.answer(exchange);
    if (path == "/api/v1/pods") return pods.answer(exchange);
    if (path == "/api/v1/namespaces/shop/events") {
      events.push_back(exchange.asked);
      return exchange.answer(eventStatus, "{}");
    }
    if (path == "/api/v1/namespaces/default/events") {
      nodeEvents.push_back(exchange.asked);
      return exchange.answer(201, "{}");
    }
    if (path == "/api/v1/nodes/n1/status") {
      patches.push_back(exchange.asked);
      nodes.put("n1", kNodeRest);
      return exchange.answer(200, "{}");
    }
    return exchange.answer(404, "{}");
  }

  kube::testing::Certified signer_;
  kube::testing::ServerTls tls_;
  base::asio::io_context io_;
  base::asio::executor_work_guard<base::asio::io_context::executor_type> guard_{io_.get_executor()};
  std::unique_ptr<kube::testing::ScriptedServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace kpol::test
