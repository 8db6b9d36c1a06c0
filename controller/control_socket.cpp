// SPDX-License-Identifier: Apache-2.0
#include "controller/control_socket.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kpol::controller {
namespace {

constexpr int kBacklog = 512;

[[noreturn]] void failOnSocket(const std::string& what, const std::filesystem::path& path) {
  const int code = errno;
  throw base::SystemError(what + " " + path.string(), code);
}

sockaddr_un addressOf(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof(address.sun_path))
    throw base::SystemError("the socket's path is too long: " + text, ENAMETOOLONG);
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

base::UniqueFd streamSocket(const std::filesystem::path& path) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) failOnSocket("cannot create a socket for", path);
  return fd;
}

bool isAnswered(const std::filesystem::path& path) {
  const auto address = addressOf(path);
  const auto fd = streamSocket(path);
  const int result =
      ::connect(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  return result == 0 || errno == EAGAIN;  // EAGAIN: a process listens, but its queue is full
}

base::UniqueFd lock(const std::filesystem::path& path) {
  const std::string file = path.native() + ".lock";
  base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) failOnSocket("cannot open the lock", file);
  if (::flock(fd.value(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    throw SocketInUse("another kpold runs with the socket " + path.string() +
                      "; stop it, or choose another --socket and --state-dir");
  failOnSocket("cannot lock", file);
}

base::UniqueFd listenAt(const std::filesystem::path& path) {
  const auto address = addressOf(path);
  auto fd = streamSocket(path);
  // bind(2) creates the file with the mode of the socket's inode (net/unix/af_unix.c
  // unix_bind_bsd), so there is no time before a chmod in which others could connect.
  if (::fchmod(fd.value(), 0600) != 0) failOnSocket("cannot set the mode of", path);
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    failOnSocket("cannot bind", path);
  if (::listen(fd.value(), kBacklog) != 0) failOnSocket("cannot listen on", path);
  return fd;
}

}  // namespace

void expectUnused(const std::filesystem::path& path) {
  if (isAnswered(path))
    throw SocketInUse("a kpold runs on this node and listens on " + path.string() +
                      "; stop it first");
}

ControlSocket::ControlSocket(std::filesystem::path path) : path_(std::move(path)) {
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path());
  lock_ = lock(path_);
  if (isAnswered(path_)) throw SocketInUse("another program listens on " + path_.string());
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT)
    failOnSocket("cannot remove the stale", path_);
  listener_ = listenAt(path_);
}

ControlSocket::~ControlSocket() {
  ::unlink(path_.c_str());
}

}  // namespace kpol::controller
