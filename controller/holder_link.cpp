// SPDX-License-Identifier: Apache-2.0
#include "controller/holder_link.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/async/race.hpp"
#include "base/async/readable.hpp"
#include "base/log.hpp"

#include <chrono>
#include <optional>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using node::HolderConnection;
using Word = HolderConnection::Word;

constexpr auto kRetryHolder = 500ms;
constexpr auto kHolderReply = 5s;

base::Task<std::optional<HolderConnection::Message>> nextMessage(HolderConnection& connection,
                                                                 base::Readable& readable) {
  const bool arrived = co_await base::returnsFirst(readable.wait(), base::sleepFor(kHolderReply));
  if (!arrived) co_return std::nullopt;
  co_return connection.receive();
}

}  // namespace

base::Task<> HolderLink::run() {
  for (;;) {
    auto connection = HolderConnection::open(path_);
    if (connection) co_await use(*connection);
    setLost();
    co_await base::sleepFor(kRetryHolder);
  }
}

base::Task<> HolderLink::use(HolderConnection& connection) {
  base::Readable readable(co_await base::asio::this_coro::executor, connection.fd());
  auto greeting = co_await nextMessage(connection, readable);
  if (!greeting) co_return;
  takeOver(std::move(greeting->socket));
  // On kernels without owned tables: for ever.
  while (!kernel_.owned()) co_await loop_.progress().waitUntil(base::Event::kNever);
  if (!connection.send(Word::Keep, kernel_.fd())) co_return;
  const auto reply = co_await nextMessage(connection, readable);
  if (!reply || reply->word != Word::Kept) co_return;
  setHeld();
  co_await readable.wait();  // the holder sends no more, so this is its end
}

void HolderLink::takeOver(base::UniqueFd socket) {
  if (!socket || kernel_.owned() || !node::isOfThisNetns(socket.value())) return;
  if (kernel_.foreignOwner() != node::netlinkPort(socket.value())) return;
  base::logInfo("using the holder's socket, which owns the table", {{"socket", path_}});
  kernel_.useSocket(std::move(socket));
  loop_.doubt();
}

void HolderLink::setHeld() {
  held_ = true;
  warned_ = false;
  base::logInfo("table held", {{"socket", path_}});
}

void HolderLink::setLost() {
  held_ = false;
  if (warned_ || !kernel_.owned()) return;
  warned_ = true;
  base::logWarn("table not held, other programs can delete it while kpold does not run",
                {{"socket", path_}, {"reason", "no holder (kpold hold) replies"}});
}

}  // namespace kpol::controller
