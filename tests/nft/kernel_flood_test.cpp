// SPDX-License-Identifier: Apache-2.0
// Packets that run into a commit: the rules of a packet are of one generation, its lookups are not.
#include "base/unique_fd.hpp"
#include "nft/change_set.hpp"
#include "nft/kernel.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/values.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <stop_token>
#include <string>
#include <thread>

namespace kpol::nft {
namespace {

constexpr unsigned kChanges = 2000;

sockaddr_in loopbackPort(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Sends forbidden datagrams as fast as it can until stopped; how many there were.
class Flood {
 public:
  explicit Flood(std::uint16_t port)
      : thread_([this, port](const std::stop_token& stop) { send(stop, port); }) {}

  std::uint64_t stop() {
    thread_.request_stop();
    thread_.join();
    return sent_;
  }

 private:
  void send(const std::stop_token& stop, std::uint16_t port) {
    const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto to = loopbackPort(port);
    while (!stop.stop_requested()) {
      // A packet that is dropped at the output hook is EPERM.
      static_cast<void>(
          ::sendto(socket.value(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to));
      ++sent_;
    }
  }

  std::uint64_t sent_ = 0;
  std::jthread thread_;
};

const Rule kDropRule{{Verdict{Verdict::Kind::Drop, {}}}, {}};

Element leadingTo(const std::string& chain) {
  return element(test::ip("127.0.0.1"), test::goTo(chain));
}

// All datagrams to 127.0.0.1 go to one chain that drops them, by an element of a verdict map.
Ruleset droppingThrough(const std::string& chain) {
  Ruleset table;
  table.add(Chain{chain, {}, {kDropRule}});
  Set map;
  map.name = "dispatch";
  map.kind = Set::Kind::VerdictMap;
  map.key = {DataType::Ipv4Addr};
  map.size = 16;
  map.elements = {leadingTo(chain)};
  table.add(std::move(map));
  BaseChain hook;
  hook.hook = BaseChain::Hook::Output;
  table.add(Chain{"output", hook, {{{VerdictMapLookup{{Field::IpDaddr}, "dispatch"}}, {}}}});
  return table;
}

class KernelFlood : public test::KernelTest {};

TEST_F(KernelFlood, NoPacketMeetsANewChainThatIsStillEmpty) {
  const base::UniqueFd receiver(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopbackPort(0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(receiver.value(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(receiver.value(), reinterpret_cast<sockaddr*>(&address), &size), 0);

  Kernel::Options options;
  options.chainsFirst = true;
  Kernel kernel(std::move(options));
  test::commit(kernel, droppingThrough("drop-0"));
  const auto port = ntohs(address.sin_port);
  Flood first(port);
  Flood second(port);
  for (unsigned i = 1; i <= kChanges; ++i) {
    const auto before = "drop-" + std::to_string(i - 1);
    const auto after = "drop-" + std::to_string(i);
    ChangeSet changes;
    changes.changes = {AddChain{after, {}}, AddRule{after, kDropRule},
                       DeleteElements{"dispatch", {leadingTo(before)}},
                       AddElements{"dispatch", {leadingTo(after)}}};
    test::commit(kernel, changes);
  }
  EXPECT_GT(first.stop() + second.stop(), kChanges);

  unsigned passed = 0;
  for (std::array<char, 16> buffer; ::recv(receiver.value(), buffer.data(), buffer.size(), 0) > 0;)
    ++passed;
  EXPECT_EQ(passed, 0U) << "of 2 floods during " << kChanges << " changes";
}

}  // namespace
}  // namespace kpol::nft
