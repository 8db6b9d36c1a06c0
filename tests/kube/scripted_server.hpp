// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/async/task_group.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kpol::kube::testing {

// The request of a client.
struct Asked {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;
  std::string authorization;  // the header, or empty
  std::string body;
  std::string commonName;  // of the client's certificate, or empty
  [[nodiscard]] bool isWatch() const { return query.contains("watch"); }
  [[nodiscard]] bool isInitialWatch() const { return query.contains("sendInitialEvents"); }
  [[nodiscard]] std::string parameter(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  }
};

// One request, and functions to respond byte for byte.
class Exchange {
 public:
  Asked asked;
  virtual ~Exchange() = default;
  // Throws boost::system::system_error when the client is gone.
  virtual base::Task<> send(std::string bytes) = 0;
  // Each `size` bytes on their own.
  base::Task<> sendInParts(std::string bytes, std::size_t size);
  // A complete response of known length.
  base::Task<> answer(unsigned status, std::string body, std::string headers = {});
  // A chunked one: its head, its parts, its end.
  base::Task<> begin(std::string headers = {});
  base::Task<> chunk(std::string bytes);
  base::Task<> end();
  // Sends nothing until the client disconnects or the server stops.
  virtual base::Task<> hang() = 0;
  // Ends the connection after this exchange.
  bool closes = false;
};

struct ServerTls {
  std::string certificatePem;
  std::string keyPem;
  std::string clientAuthorityPem;  // requests a client certificate if set
};

// An HTTP server on the loopback interface that is controlled by a test and runs in its event loop.
class ScriptedServer {
 public:
  using Script = std::function<base::Task<>(Exchange&)>;

  ScriptedServer(base::asio::io_context& io, Script script, std::optional<ServerTls> tls = {},
                 const char* address = "127.0.0.1", std::uint16_t port = 0);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  // Uses another certificate for new connections.
  void use(const ServerTls& tls);
  // Closes all connections and accepts no more; called before the loop ends.
  void stop();
  // After stop(): whether all has ended, so that this may be destroyed.
  [[nodiscard]] bool idle() const;

  std::vector<Asked> log;       // all requests so far
  std::size_t connections = 0;  // accepted

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube::testing
