// SPDX-License-Identifier: Apache-2.0
#include "tests/control/unix_server.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

namespace kpol::test {
namespace {

constexpr int kPatience = 20000;

bool readable(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, kPatience) > 0;
}

}  // namespace

std::string UnixServer::Connection::readUntil(std::string_view end) {
  std::string text;
  while (text.find(end) == text.npos)
    if (!readMore(text)) break;
  return text;
}

bool UnixServer::Connection::readMore(std::string& text) {
  std::array<char, 65536> buffer{};
  if (!readable(fd_.value())) return false;
  const auto got = ::recv(fd_.value(), buffer.data(), buffer.size(), 0);
  if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0;
}

std::string UnixServer::Connection::readRequest() {
  static constexpr std::string_view kLength = "Content-Length: ";
  std::string text = readUntil("\r\n\r\n");
  const auto length = text.find(kLength);
  if (length == text.npos) return text;
  const auto wanted = text.find("\r\n\r\n") + 4 + std::stoul(text.substr(length + kLength.size()));
  while (text.size() < wanted && readMore(text)) continue;
  return text;
}

bool UnixServer::Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd_.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void UnixServer::Connection::waitForHangup() {
  std::array<char, 65536> buffer{};
  while (readable(fd_.value()) && ::recv(fd_.value(), buffer.data(), buffer.size(), 0) > 0)
    continue;
}

UnixServer::UnixServer(Handler handler) {
  std::string directory = "/tmp/kpol-test-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = directory;
  path_ = directory_ + "/kpold.sock";
  socket_ = base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  stop_ = base::UniqueFd(::eventfd(0, EFD_CLOEXEC));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(socket_.value(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket_.value(), 16) != 0)
    throw std::runtime_error("cannot listen on " + path_);
  thread_ = std::thread([this, handler = std::move(handler)] { serve(handler); });
}

UnixServer::~UnixServer() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.value(), &one, sizeof one);
  thread_.join();
  ::unlink(path_.c_str());
  ::rmdir(directory_.c_str());
}

void UnixServer::serve(const Handler& handler) {
  while (true) {
    std::array<pollfd, 2> fds{{{socket_.value(), POLLIN, 0}, {stop_.value(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 || fds[1].revents != 0) return;
    Connection connection(::accept4(socket_.value(), nullptr, nullptr, SOCK_CLOEXEC));
    handler(connection);
  }
}

UnixServer::Handler UnixServer::answering(unsigned status, std::string body) {
  return [answer = httpAnswer(status, body)](Connection& connection) {
    (void)connection.readRequest();
    connection.write(answer);
  };
}

std::string httpAnswer(unsigned status, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some Reason\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace kpol::test
