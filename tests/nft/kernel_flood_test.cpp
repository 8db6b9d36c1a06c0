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
#include <cerrno>
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

// Sends datagrams as fast as it can until stopped.
class Flood {
 public:
  explicit Flood(std::uint16_t port)
      : thread_([this, port](const std::stop_token& stop) { send(stop, port); }) {}

  // How many were sent.
  std::uint64_t stop() {
    thread_.request_stop();
    thread_.join();
    return sent_;
  }
  // How many of them were dropped. After stop().
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void send(const std::stop_token& stop, std::uint16_t port) {
    const base::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto to = loopbackPort(port);
    while (!stop.stop_requested()) {
      const auto size =
          ::sendto(socket.value(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
      if (size < 0 && errno == EPERM) ++dropped_;  // at the output hook
      ++sent_;
    }
  }

  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
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

Match addressIn(const std::string& set) {
  return {{Field::IpDaddr}, false, InSet{set}};
}
const Rule kAdmitRule{{addressIn("peers"), Verdict{Verdict::Kind::Accept, {}}}, {}};
const Element kPeer = element(test::ip("127.0.0.1"));

// Datagrams to 127.0.0.1 are evaluated by a chain whose rules and set are both changed: they are
// dropped because the set is empty, or because no rule looks it up.
Ruleset droppingByRulesOrElements() {
  Ruleset table;
  Set peers;
  peers.name = "peers";
  peers.key = {DataType::Ipv4Addr};
  peers.size = 16;
  table.add(std::move(peers));
  table.add(Chain{"judge", {}, {kAdmitRule, kDropRule}});
  BaseChain hook;
  hook.hook = BaseChain::Hook::Output;
  table.add(Chain{"output",
                  hook,
                  {{{Match{{Field::IpDaddr}, false, Exact{test::ip("127.0.0.1")}},
                     Verdict{Verdict::Kind::Goto, "judge"}},
                    {}}}});
  return table;
}

// Both chains exist all the time: one admits peers, the other one nobody.
Ruleset droppingByElements() {
  Ruleset table = droppingThrough("nobody");
  Set peers;
  peers.name = "peers";
  peers.key = {DataType::Ipv4Addr};
  peers.size = 16;
  peers.elements = {kPeer};
  table.add(std::move(peers));
  table.add(Chain{"admit", {}, {kAdmitRule, kDropRule}});
  return table;
}

class KernelFlood : public test::KernelTest {
 protected:
  KernelFlood() : receiver_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopbackPort(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(receiver_.value(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(receiver_.value(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }

  // Sends two floods while the table is changed from `table` on; returns how many datagrams were
  // dropped before they were received.
  template <class ChangeAt>
  std::uint64_t floodDuring(const Ruleset& table, ChangeAt changeAt) {
    Kernel::Options options;
    options.inStages = true;
    options.admits = [](const std::string& set) { return set.starts_with("peers"); };
    Kernel kernel(std::move(options));
    test::commit(kernel, table);
    Flood first(port_);
    Flood second(port_);
    for (unsigned i = 1; i <= kChanges; ++i) test::commit(kernel, changeAt(i));
    EXPECT_GT(first.stop() + second.stop(), kChanges);
    return first.dropped() + second.dropped();
  }

  template <class ChangeAt>
  void expectNonePasses(const Ruleset& table, ChangeAt changeAt) {
    EXPECT_GT(floodDuring(table, changeAt), 0U);
    unsigned passed = 0;
    std::array<char, 16> buffer{};
    while (::recv(receiver_.value(), buffer.data(), buffer.size(), 0) > 0) ++passed;
    EXPECT_EQ(passed, 0U) << "during " << kChanges << " changes";
  }

 private:
  base::UniqueFd receiver_;
  std::uint16_t port_ = 0;
};

std::string chainOf(unsigned number) {
  return "drop-" + std::to_string(number);
}

TEST_F(KernelFlood, NoPacketMeetsANewChainThatIsStillEmpty) {
  expectNonePasses(droppingThrough(chainOf(0)), [](unsigned i) {
    ChangeSet changes;
    changes.changes = {AddChain{chainOf(i), {}}, AddRule{chainOf(i), kDropRule},
                       DeleteElements{"dispatch", {leadingTo(chainOf(i - 1))}},
                       AddElements{"dispatch", {leadingTo(chainOf(i))}}};
    return changes;
  });
}

TEST_F(KernelFlood, NoPacketMeetsAnOldChainThatIsAlreadyEmpty) {
  expectNonePasses(droppingThrough(chainOf(0)), [](unsigned i) {
    ChangeSet changes;
    changes.changes = {FlushChain{chainOf(i - 1)},
                       DeleteElements{"dispatch", {leadingTo(chainOf(i - 1))}},
                       DeleteChain{chainOf(i - 1)},
                       AddChain{chainOf(i), {}},
                       AddElements{"dispatch", {leadingTo(chainOf(i))}},
                       AddRule{chainOf(i), kDropRule}};
    return changes;
  });
}

TEST_F(KernelFlood, NoPacketMeetsAnOldRuleWithANewElement) {
  expectNonePasses(droppingByRulesOrElements(), [](unsigned i) {
    ChangeSet changes;
    changes.changes.push_back(FlushChain{"judge"});
    if (i % 2 == 1) {
      changes.changes.push_back(AddElements{"peers", {kPeer}});
    } else {
      changes.changes.push_back(DeleteElements{"peers", {kPeer}});
      changes.changes.push_back(AddRule{"judge", kAdmitRule});
    }
    changes.changes.push_back(AddRule{"judge", kDropRule});
    return changes;
  });
}

TEST_F(KernelFlood, NoPacketMeetsAnOldElementAndThenANewOne) {
  expectNonePasses(droppingByElements(), [](unsigned i) {
    const bool empties = i % 2 == 1;
    const Element nobody = leadingTo("nobody");
    const Element admit = leadingTo("admit");
    ChangeSet changes;
    if (empties) changes.changes.push_back(DeleteElements{"peers", {kPeer}});
    changes.changes.push_back(DeleteElements{"dispatch", {empties ? nobody : admit}});
    changes.changes.push_back(AddElements{"dispatch", {empties ? admit : nobody}});
    if (!empties) changes.changes.push_back(AddElements{"peers", {kPeer}});
    return changes;
  });
}

TEST_F(KernelFlood, HardlyAnyPacketIsDroppedWhileItsPeerMovesToAnotherSetThatIsAdmitted) {
  Ruleset table;
  BaseChain hook;
  hook.hook = BaseChain::Hook::Output;
  Chain chain{"output", hook, {}};
  for (const char* name : {"peers-a", "peers-b"}) {
    Set peers;
    peers.name = name;
    peers.key = {DataType::Ipv4Addr};
    peers.size = 128;
    if (chain.rules.empty()) peers.elements = {kPeer};
    table.add(std::move(peers));
    chain.rules.push_back({{addressIn(name), Verdict{Verdict::Kind::Accept, {}}}, {}});
  }
  chain.rules.push_back(
      {{Match{{Field::IpDaddr}, false, Exact{test::ip("127.0.0.1")}}, kDropRule.statements.front()},
       {}});
  table.add(std::move(chain));
  const auto dropped = floodDuring(table, [](unsigned i) {
    ChangeSet changes;
    changes.changes = {DeleteElements{i % 2 == 1 ? "peers-a" : "peers-b", {kPeer}},
                       AddElements{i % 2 == 1 ? "peers-b" : "peers-a", {kPeer}}};
    return changes;
  });
  // A packet whose lookup of the first set is older than that of the second one may find its peer
  // in neither.
  std::printf("%u packets dropped during %u changes\n", static_cast<unsigned>(dropped), kChanges);
  EXPECT_LT(dropped, kChanges / 4);
}

}  // namespace
}  // namespace kpol::nft
