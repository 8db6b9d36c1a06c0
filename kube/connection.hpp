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

// The trusted authorities of a TLS connection and the client certificate, as PEM texts.
struct TlsSettings {
  std::string authorities;  // empty: the system's authorities
  std::string serverName;   // empty: the host of the URL
  bool skipVerify = false;
  std::string certificate;  // empty: no client certificate
  std::string key;
};

// One TCP connection to an API server, with TLS 1.2 or newer if the URL is https. Unless skipVerify
// is set, the server's certificate must be signed by an authority and name the host, as a DNS name
// or an IP address. Every call that waits has a deadline. One coroutine at a time. All but quiet()
// throw ApiError, or what the coroutine's cancellation throws; the connection must not be used
// after that.
class Connection {
 public:
  using Time = base::Event::Time;

  // Resolves the host, connects and performs the TLS handshake, all before `deadline`. If the host
  // has several addresses, tries all of them.
  static base::Task<std::unique_ptr<Connection>> open(ServerUrl url, TlsSettings tls,
                                                      Time deadline);

  virtual ~Connection() = default;
  virtual base::Task<> write(std::string text, Time deadline) = 0;
  // Returns the number of bytes read; 0 if the server closed the connection. Throws Interrupted if
  // `interrupt` is notified while it waits.
  virtual base::Task<std::size_t> read(std::span<char> room, Time deadline,
                                       base::Event& interrupt) = 0;
  // Whether no bytes and no end of the stream have arrived since the last read. Only then may the
  // connection carry the next request, because unrequested bytes would be taken for its response.
  [[nodiscard]] virtual bool quiet() = 0;
};

}  // namespace kpol::kube
