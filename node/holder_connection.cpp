// SPDX-License-Identifier: Apache-2.0
#include "node/holder_connection.hpp"

#include "base/error.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace kpol::node {
namespace {

using Word = HolderConnection::Word;

constexpr int kBacklog = 16;
constexpr int kReplyMilliseconds = 1000;

[[noreturn]] void failOnHolder(const std::string& what, const std::string& path) {
  const int code = errno;
  throw base::SystemError(what + " " + path, code);
}

std::optional<sockaddr_un> holderAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

base::UniqueFd packetSocket() {
  return base::UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// Root, unless a test runs it as another user.
bool isOurUser(int connection) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         peer.uid == ::geteuid();
}

int socketOption(int socket, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

bool isTableSocket(int socket) {
  return socketOption(socket, SO_DOMAIN) == AF_NETLINK &&
         socketOption(socket, SO_PROTOCOL) == NETLINK_NETFILTER && netlinkPort(socket) != 0;
}

// Takes the only descriptor of a message. The kernel may deliver more than one, because the control
// buffer is aligned; those are closed, and the message is invalid.
bool takeDescriptor(msghdr& header, base::UniqueFd& socket) {
  for (auto* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) return false;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    bool isFirst = !socket;
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      base::UniqueFd received(fd);
      if (isFirst && i == 0) socket = std::move(received);
    }
    if (!isFirst || count != 1) return false;
  }
  return true;
}

bool isValid(const HolderConnection::Message& message) {
  switch (message.word) {
    case Word::Empty:
    case Word::Kept: return !message.socket;
    case Word::Holds:
    case Word::Keep: return message.socket && isTableSocket(message.socket.value());
  }
  return false;
}

}  // namespace

std::string holderPath(const std::string& kpoldSocket) {
  return kpoldSocket + ".hold";
}

std::optional<HolderConnection> HolderConnection::open(const std::string& path) {
  const auto address = holderAddress(path);
  auto fd = packetSocket();
  if (!address || !fd ||
      ::connect(fd.value(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
      !isOurUser(fd.value()))
    return std::nullopt;
  return HolderConnection(std::move(fd));
}

std::optional<HolderConnection> HolderConnection::accept(int listener) {
  base::UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || !isOurUser(fd.value())) return std::nullopt;
  return HolderConnection(std::move(fd));
}

bool HolderConnection::send(Word word, int socket) {
  char byte = static_cast<char>(word);
  iovec data{&byte, sizeof(byte)};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (socket >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &socket, sizeof(socket));
  }
  return ::sendmsg(fd(), &header, MSG_NOSIGNAL) == sizeof(byte);
}

std::optional<HolderConnection::Message> HolderConnection::receive() {
  char byte = 0;
  iovec data{&byte, sizeof(byte)};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(fd(), &header, MSG_CMSG_CLOEXEC);
  if (size < 0) return std::nullopt;
  Message message;
  const bool isWhole = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (!takeDescriptor(header, message.socket) || !isWhole || size != sizeof(byte))
    return std::nullopt;
  message.word = static_cast<Word>(byte);
  if (!isValid(message)) return std::nullopt;
  return message;
}

base::UniqueFd listenAsHolder(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!directory.empty()) std::filesystem::create_directories(directory, error);
  if (error) throw base::SystemError("cannot create " + directory.string(), error.value());
  // The rename replaces the socket of another holder without a time in which there is none.
  const std::string made = path + ".new";
  const auto address = holderAddress(made);
  if (!address) throw base::SystemError("the socket's path is too long: " + made, ENAMETOOLONG);
  if (::unlink(made.c_str()) != 0 && errno != ENOENT) failOnHolder("cannot remove", made);
  auto fd = packetSocket();
  if (!fd || ::fchmod(fd.value(), 0600) != 0) failOnHolder("cannot create a socket for", path);
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0)
    failOnHolder("cannot bind", made);
  if (::listen(fd.value(), kBacklog) != 0) failOnHolder("cannot listen on", made);
  if (::rename(made.c_str(), path.c_str()) != 0) failOnHolder("cannot put into place", path);
  return fd;
}

base::UniqueFd fetchHeldSocket(const std::string& path) {
  auto connection = HolderConnection::open(path);
  if (!connection) return {};
  pollfd entry{connection->fd(), POLLIN, 0};
  if (::poll(&entry, 1, kReplyMilliseconds) <= 0) return {};
  auto message = connection->receive();
  if (!message || message->word != Word::Holds) return {};
  return std::move(message->socket);
}

base::UniqueFd fetchTableSocket(const std::string& path) {
  auto socket = fetchHeldSocket(path);
  if (socket && !isOfThisNetns(socket.value())) socket.reset();
  return socket;
}

bool isOfThisNetns(int socket) {
  const base::UniqueFd theirs(::ioctl(socket, SIOCGSKNS));
  struct stat own {};
  struct stat other {};
  return theirs && ::fstat(theirs.value(), &other) == 0 &&
         ::stat("/proc/thread-self/ns/net", &own) == 0 && own.st_dev == other.st_dev &&
         own.st_ino == other.st_ino;
}

std::uint32_t netlinkPort(int socket) {
  sockaddr_nl address{};
  socklen_t size = sizeof(address);
  const bool isNetlink = ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
                         address.nl_family == AF_NETLINK;
  return isNetlink ? address.nl_pid : 0;
}

}  // namespace kpol::node
