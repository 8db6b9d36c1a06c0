// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

// The connection between kpold and its holder (`kpold hold`), a process that keeps a duplicate of
// kpold's netlink socket. As long as one of them runs, the socket is open and the table is owned.
//
// Unix sockets of type SOCK_SEQPACKET. Each message is one byte, Word, and at most one descriptor:
//
//   holder to client: Holds with the socket, or Empty; once, at the start
//   client to holder: Keep with a socket, which replaces the holder's
//   holder to client: Kept
//
// Only processes of the same user may connect. Anything else ends the connection.
namespace kpol::node {

// The holder's socket for the kpold with this socket. kpold's lock on its own socket ensures that
// only one kpold uses the netlink socket.
std::string holderPath(const std::string& kpoldSocket);

class HolderConnection {
 public:
  enum class Word : char { Empty = 'E', Holds = 'H', Keep = 'K', Kept = 'A' };
  struct Message {
    Word word = Word::Empty;
    base::UniqueFd socket;  // with Holds and Keep: a bound NETLINK_NETFILTER socket
  };

  // A connected, non-blocking socket.
  explicit HolderConnection(base::UniqueFd fd) : fd_(std::move(fd)) {}
  // Connects to the holder; nullopt if there is none, or if it is another user's process.
  static std::optional<HolderConnection> open(const std::string& path);
  // Accepts a client; nullopt if none waits, or if it is another user's process.
  static std::optional<HolderConnection> accept(int listener);

  [[nodiscard]] int fd() const { return fd_.value(); }
  // `socket` -1: none. Returns false if the peer is gone or does not read.
  bool send(Word word, int socket = -1);
  // Reads one message that has arrived; nullopt if there is none, if the peer is gone, and if the
  // message is invalid.
  std::optional<Message> receive();

 private:
  base::UniqueFd fd_;
};

// Listens at `path` with mode 0600, in place of a holder that listened there before, which keeps
// its connections. Missing parent directories are created. Throws base::SystemError.
base::UniqueFd listenAsHolder(const std::string& path);

// The socket that the holder at `path` has. Empty if it has none, and if no holder replies within a
// second.
base::UniqueFd fetchHeldSocket(const std::string& path);
// The same, but also empty if the socket belongs to another network namespace than that of the
// calling thread. Needs CAP_NET_ADMIN.
base::UniqueFd fetchTableSocket(const std::string& path);

// Whether a socket belongs to the calling thread's network namespace. Needs CAP_NET_ADMIN.
bool isOfThisNetns(int socket);
// The netlink port ID of a bound netlink socket, else 0.
std::uint32_t netlinkPort(int socket);

}  // namespace kpol::node
