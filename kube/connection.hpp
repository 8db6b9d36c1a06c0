// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/async/task.hpp"
#include "kube/cluster_config.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kpol::kube {

// Whom a TLS connection trusts, and what it shows of us. PEM texts.
struct TlsSettings {
  std::string authorities;  // empty: those the system trusts
  std::string serverName;   // empty: the host of the URL
  bool skipVerify = false;
  std::string certificate;  // empty: none is shown
  std::string key;
};

// One TCP connection to an API server, with TLS 1.2 or newer where the URL says so; the server's
// certificate must be signed by an authority and name the host, as a DNS name or an IP address.
// Every wait ends: each call but open() takes the time when. One coroutine at a time. All throw
// ApiError, and what the coroutine's cancellation throws; after that it is of no more use.
class Connection {
 public:
  using Time = base::Event::Time;

  // A host with several addresses is tried at all of them.
  static base::Task<std::unique_ptr<Connection>> open(ServerUrl url, TlsSettings tls,
                                                      Time deadline);

  virtual ~Connection() = default;
  virtual base::Task<> write(std::string text, Time deadline) = 0;
  // How many bytes arrived; 0 when the server closed the connection. Throws Interrupted when
  // `interrupt` is notified meanwhile.
  virtual base::Task<std::size_t> read(std::span<char> room, Time deadline,
                                       base::Event& interrupt) = 0;
  // Nothing has come since the last read, nor the end. Only such a connection may carry the next
  // request: what a server says without being asked would be taken for the answer.
  [[nodiscard]] virtual bool quiet() = 0;
};

}  // namespace kpol::kube
