// SPDX-License-Identifier: Apache-2.0
#include "controller/metrics_port.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace kpol::controller {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress socketAddressOf(const conf::ListenAddress& listen) {
  SocketAddress result;
  const auto bytes = listen.address.bytes();
  if (listen.address.isV4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(result.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(listen.port);
    std::copy_n(bytes.begin(), 4, reinterpret_cast<std::uint8_t*>(&in.sin_addr));
    result.length = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(result.storage);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(listen.port);
    std::copy_n(bytes.begin(), 16, reinterpret_cast<std::uint8_t*>(&in.sin6_addr));
    result.length = sizeof in;
  }
  return result;
}

base::UniqueFd listenOn(const conf::ListenAddress& listen) {
  const auto fail = [&] {
    throw base::SystemError("cannot listen on " + toString(listen) + " (--metrics-listen)", errno);
  };
  const auto address = socketAddressOf(listen);
  base::UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) fail();
  const int on = 1;
  if (::setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) fail();
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&address.storage), address.length) != 0)
    fail();
  if (::listen(fd.value(), SOMAXCONN) != 0) fail();
  return fd;
}

}  // namespace

base::UniqueFd MetricsPort::tryToListen() {
  try {
    auto listener = listenOn(*listen_);
    if (!trouble_.empty())
      base::logInfo("metrics and health are served", {{"address", toString(*listen_)}});
    trouble_.clear();
    return listener;
  } catch (const base::SystemError& error) {
    if (trouble_ != error.what())
      base::logError("metrics and health are not served, policies are enforced",
                     {{"error", error.what()}});
    trouble_ = error.what();
    return {};
  }
}

base::Task<> MetricsPort::run() {
  if (!listen_) co_return;
  base::UniqueFd listener = tryToListen();
  while (!listener) {
    co_await base::sleepFor(pause_);
    listener = tryToListen();
  }
  co_await serve(std::move(listener), handler_, connections_, kMostTcpConnections);
}

}  // namespace kpol::controller
