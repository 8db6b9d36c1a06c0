// SPDX-License-Identifier: Apache-2.0
#include "controller/holder.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "node/holder_connection.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

namespace kpol::controller {
namespace {

using node::HolderConnection;
using Word = HolderConnection::Word;

constexpr std::size_t kMostClients = 16;

// Readable when the process must stop. Process 1 of a container ignores signals with the default
// action.
base::UniqueFd stopSignals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  base::UniqueFd fd(::signalfd(-1, &ends, SFD_CLOEXEC));
  if (!fd) throw base::SystemError("cannot wait for signals", errno);
  return fd;
}

class Holder {
 public:
  explicit Holder(const std::string& path)
      : held_(node::fetchHeldSocket(path)),
        signals_(stopSignals()),
        listener_(node::listenAsHolder(path)) {
    base::logInfo(held_ ? "holder started, it has the previous holder's socket"
                        : "holder started, kpold hands over its socket when it owns the table",
                  {{"socket", path}, {"port_id", node::netlinkPort(held_.value())}});
  }

  void run() {
    for (;;) {
      std::vector<pollfd> entries{{signals_.value(), POLLIN, 0}, {listener_.value(), POLLIN, 0}};
      for (const auto& client : clients_) entries.push_back({client.fd(), POLLIN, 0});
      if (::poll(entries.data(), entries.size(), -1) < 0) {
        if (errno == EINTR) continue;
        throw base::SystemError("cannot wait for clients", errno);
      }
      if (entries[0].revents != 0) return;
      for (std::size_t i = entries.size(); i-- > 2;)
        if (entries[i].revents != 0 && !serve(clients_[i - 2]))
          clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(i - 2));
      if (entries[1].revents != 0) accept();
    }
  }

 private:
  // Returns false if the connection ends.
  bool serve(HolderConnection& client) {
    auto message = client.receive();
    if (!message || message->word != Word::Keep) return false;
    held_ = std::move(message->socket);
    base::logInfo("holding kpold's socket", {{"port_id", node::netlinkPort(held_.value())}});
    return client.send(Word::Kept);
  }

  void accept() {
    auto client = HolderConnection::accept(listener_.value());
    if (!client || !client->send(held_ ? Word::Holds : Word::Empty, held_.value())) return;
    if (clients_.size() == kMostClients) clients_.erase(clients_.begin());
    clients_.push_back(std::move(*client));
  }

  base::UniqueFd held_;
  base::UniqueFd signals_;
  base::UniqueFd listener_;
  std::vector<HolderConnection> clients_;
};

}  // namespace

void holdTable(const std::string& path) {
  Holder(path).run();
  base::logInfo("holder stopping");
}

}  // namespace kpol::controller
