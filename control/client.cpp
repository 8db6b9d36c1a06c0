// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include "base/unique_fd.hpp"
#include "control/answer.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace kpol::control {
namespace {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(const std::string& path, std::chrono::milliseconds patience)
      : path_(path),
        deadline_(Clock::now() + patience),
        fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (!fd_) fail("cannot create a socket", errno);
    connect();
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      // MSG_NOSIGNAL: if the server has closed the connection, SIGPIPE must not kill this process.
      const auto sent = ::send(fd_.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno == EAGAIN)
        wait(POLLOUT);
      else if (errno == EPIPE)
        return;  // there may be an early response: see receive()
      else if (errno != EINTR)
        fail("cannot send the request", errno);
    }
  }

  // Returns an empty text at the end of the stream. The text is valid until the next call.
  std::string_view receive() {
    while (true) {
      // Check here too: while data keeps arriving, wait() may never be called.
      if (Clock::now() >= deadline_) fail("no response in time", ETIMEDOUT);
      const auto got = ::recv(fd_.value(), buffer_.data(), buffer_.size(), 0);
      if (got >= 0) return {buffer_.data(), static_cast<std::size_t>(got)};
      if (errno == EAGAIN)
        wait(POLLIN);
      else if (errno != EINTR)
        fail("the connection failed", errno);
    }
  }

  [[noreturn]] void fail(const std::string& what, int code = 0) const {
    throw Unreachable("kpold at " + path_ + ": " + what +
                          (code == 0 ? "" : std::string(": ") + std::strerror(code)),
                      connected_);
  }

 private:
  void connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) fail("the path is too long", ENAMETOOLONG);
    path_.copy(address.sun_path, path_.size());
    // EAGAIN: the backlog is full. poll(2) does not report when it has room (connect(2)), so retry.
    while (::connect(fd_.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) <
           0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail("cannot connect", errno);
      if (Clock::now() >= deadline_) fail("cannot connect", ETIMEDOUT);
      ::poll(nullptr, 0, 5);
    }
    connected_ = true;
  }

  void wait(short events) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    pollfd poll{fd_.value(), events, 0};
    // If poll(2) returns early, the caller retries and calls wait() again.
    if (left <= 0 || ::poll(&poll, 1, static_cast<int>(std::min<long long>(left, 60000))) < 0) {
      if (left <= 0) fail("no response in time", ETIMEDOUT);
      if (errno != EINTR) fail("cannot wait", errno);
    }
  }

  std::string path_;
  Clock::time_point deadline_;
  base::UniqueFd fd_;
  bool connected_ = false;
  std::array<char, 65536> buffer_{};
};

std::string requestText(std::string_view method, std::string_view target, std::string_view body) {
  const auto isToken = [](std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
  };
  base::expects(isToken(method) && isToken(target), "a request line has no blanks");
  std::string text(method);
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: kpold\r\nConnection: close\r\n");
  if (!body.empty()) text.append("Content-Type: application/json\r\n");
  text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
  text.append(body);
  return text;
}

}  // namespace

Response request(const std::string& socketPath, std::string_view method, std::string_view target,
                 std::string_view body, std::chrono::milliseconds deadline) {
  const auto text = requestText(method, target, body);
  Connection connection(socketPath, deadline);
  connection.send(text);
  AnswerReader reader;
  try {
    while (!reader.complete()) {
      const auto bytes = connection.receive();
      if (bytes.empty())
        reader.close();
      else
        reader.feed(bytes);
    }
  } catch (const NoAnswer& error) {
    connection.fail(error.what());
  }
  return reader.take();
}

}  // namespace kpol::control
