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
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>

namespace kpol::nft {
namespace {

constexpr unsigned kChanges = 100;
// Evaluating them takes longer than a commit. So does a packet whose processor is interrupted.
constexpr unsigned kRulesToWait = 2000;

sockaddr_in loopbackPort(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Sends datagrams one after the other until stopped.
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
      std::this_thread::sleep_for(std::chrono::microseconds(1));  // let the processor do other work
    }
  }

  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;
  std::jthread thread_;
};

const Match kToPeer{{Field::IpDaddr}, false, Exact{test::ip("127.0.0.1")}};
const Element kPeer = element(test::ip("127.0.0.1"));

Rule rule(Statement statement) {
  return {{std::move(statement)}, {}};
}
const Verdict kAccept{Verdict::Kind::Accept, {}};
const Rule kDrop = rule(Verdict{Verdict::Kind::Drop, {}});
const Rule kWait = rule(Verdict{Verdict::Kind::Jump, "wait"});
const Rule kAdmit{{Match{{Field::IpDaddr}, false, InSet{"peers"}}, kAccept}, {}};

Element leadingTo(const std::string& chain) {
  return element(test::ip("127.0.0.1"), test::goTo(chain));
}

Set admitting(const std::string& name, std::vector<Element> elements) {
  Set set;
  set.name = name;
  set.key = {DataType::Ipv4Addr};
  set.size = 128;
  set.elements = std::move(elements);
  return set;
}

// A table whose chain "output" sees all datagrams. The chain "wait" can be called to spend time.
Ruleset tableWithOutput(std::vector<Rule> rules) {
  Ruleset table;
  const Match toNone{{Field::IpDaddr}, false, Exact{test::ip("192.0.2.1")}};
  table.add(
      Chain{"wait", {}, std::vector<Rule>(kRulesToWait, {{toNone, kDrop.statements[0]}, {}})});
  BaseChain hook;
  hook.hook = BaseChain::Hook::Output;
  table.add(Chain{"output", hook, std::move(rules)});
  return table;
}

// All datagrams to 127.0.0.1 go to `chain`, by an element of a verdict map.
Ruleset leadingTo(Chain chain, std::vector<Rule> before = {}) {
  before.push_back(rule(VerdictMapLookup{{Field::IpDaddr}, "dispatch"}));
  Ruleset table = tableWithOutput(std::move(before));
  Set map = admitting("dispatch", {leadingTo(chain.name)});
  map.kind = Set::Kind::VerdictMap;
  table.add(std::move(map));
  table.add(std::move(chain));
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
  std::uint64_t floodDuring(unsigned changes, const Ruleset& table, ChangeAt changeAt) {
    Kernel::Options options;
    options.inStages = true;
    options.admits = [](const std::string& set) { return set.starts_with("peers"); };
    Kernel kernel(std::move(options));
    test::commit(kernel, table);
    Flood first(port_);
    Flood second(port_);
    for (unsigned i = 1; i <= changes; ++i) test::commit(kernel, changeAt(i));
    EXPECT_GT(first.stop() + second.stop(), changes / 10);
    return first.dropped() + second.dropped();
  }

  template <class ChangeAt>
  void expectNonePasses(const Ruleset& table, ChangeAt changeAt) {
    EXPECT_GT(floodDuring(kChanges, table, changeAt), 0U);
    unsigned passed = 0;
    std::array<char, 16> buffer{};
    while (::recv(receiver_.value(), buffer.data(), buffer.size(), 0) > 0) ++passed;
    EXPECT_EQ(passed, 0U) << "during " << kChanges << " changes";
  }

 private:
  base::UniqueFd receiver_;
  std::uint16_t port_ = 0;
};

std::string numbered(const char* name, unsigned number) {
  return name + std::to_string(number);
}

TEST_F(KernelFlood, NoPacketMeetsANewChainThatIsStillEmpty) {
  const auto drop = [](unsigned i) { return numbered("drop-", i); };
  expectNonePasses(leadingTo(Chain{drop(0), {}, {kDrop}}, {kWait}), [&](unsigned i) {
    ChangeSet changes;
    changes.changes = {AddChain{drop(i), {}}, AddRule{drop(i), kDrop},
                       DeleteElements{"dispatch", {leadingTo(drop(i - 1))}},
                       AddElements{"dispatch", {leadingTo(drop(i))}}};
    return changes;
  });
}

TEST_F(KernelFlood, NoPacketMeetsAnOldChainThatIsAlreadyEmpty) {
  const auto drop = [](unsigned i) { return numbered("drop-", i); };
  const auto wait = [](unsigned i) { return numbered("wait-", i); };
  const auto thenDrop = [&](unsigned i) { return rule(Verdict{Verdict::Kind::Goto, drop(i)}); };
  Ruleset table = leadingTo(Chain{wait(0), {}, {kWait, thenDrop(0)}});
  table.add(Chain{drop(0), {}, {kDrop}});
  expectNonePasses(table, [&](unsigned i) {
    ChangeSet changes;
    changes.changes = {FlushChain{wait(i - 1)},
                       FlushChain{drop(i - 1)},
                       DeleteElements{"dispatch", {leadingTo(wait(i - 1))}},
                       DeleteChain{wait(i - 1)},
                       DeleteChain{drop(i - 1)},
                       AddChain{wait(i), {}},
                       AddChain{drop(i), {}},
                       AddElements{"dispatch", {leadingTo(wait(i))}},
                       AddRule{wait(i), kWait},
                       AddRule{wait(i), thenDrop(i)},
                       AddRule{drop(i), kDrop}};
    return changes;
  });
}

// They are dropped because the set is empty, or because no rule looks it up.
TEST_F(KernelFlood, NoPacketMeetsAnOldRuleWithANewElement) {
  Ruleset table = tableWithOutput({{{kToPeer, Verdict{Verdict::Kind::Goto, "judge"}}, {}}});
  table.add(admitting("peers", {}));
  table.add(Chain{"judge", {}, {kWait, kAdmit, kDrop}});
  expectNonePasses(table, [](unsigned i) {
    ChangeSet changes;
    changes.changes = {FlushChain{"judge"}};
    if (i % 2 == 0) changes.changes.push_back(DeleteElements{"peers", {kPeer}});
    if (i % 2 == 1) changes.changes.push_back(AddElements{"peers", {kPeer}});
    changes.changes.push_back(AddRule{"judge", kWait});
    if (i % 2 == 0) changes.changes.push_back(AddRule{"judge", kAdmit});
    changes.changes.push_back(AddRule{"judge", kDrop});
    return changes;
  });
}

// Between two chains that stay: one admits peers, the other one drops all packets.
TEST_F(KernelFlood, NoPacketMeetsAnOldElementAndThenANewOne) {
  Ruleset table = leadingTo(Chain{"drop", {}, {kDrop}});
  table.add(admitting("peers", {kPeer}));
  table.add(Chain{"judge", {}, {kWait, kAdmit, kDrop}});
  expectNonePasses(table, [](unsigned i) {
    const bool empties = i % 2 == 1;
    ChangeSet changes;
    if (empties) changes.changes.push_back(DeleteElements{"peers", {kPeer}});
    changes.changes.push_back(DeleteElements{"dispatch", {leadingTo(empties ? "drop" : "judge")}});
    changes.changes.push_back(AddElements{"dispatch", {leadingTo(empties ? "judge" : "drop")}});
    if (!empties) changes.changes.push_back(AddElements{"peers", {kPeer}});
    return changes;
  });
}

// Its verdict depends on rules of two chains that change together.
TEST_F(KernelFlood, NoPacketMeetsOldRulesOfOneChainAndNewOnesOfAnother) {
  const Rule thenLast = rule(Verdict{Verdict::Kind::Goto, "last"});
  Ruleset table = tableWithOutput({{{kToPeer, Verdict{Verdict::Kind::Goto, "first"}}, {}}});
  table.add(Chain{"first", {}, {kWait, thenLast}});
  table.add(Chain{"last", {}, {kDrop}});
  table.add(admitting("peers", {}));
  expectNonePasses(table, [&](unsigned i) {
    const bool passesFirst = i % 2 == 0;
    ChangeSet changes;
    changes.changes = {FlushChain{"first"}, FlushChain{"last"}, AddRule{"first", kWait}};
    if (passesFirst) changes.changes.push_back(DeleteElements{"peers", {kPeer}});
    if (!passesFirst) changes.changes.push_back(AddRule{"first", kDrop});
    changes.changes.push_back(AddRule{"first", thenLast});
    changes.changes.push_back(AddRule{"last", passesFirst ? kDrop : rule(kAccept)});
    if (!passesFirst) changes.changes.push_back(AddElements{"peers", {kPeer}});
    return changes;
  });
}

TEST_F(KernelFlood, HardlyAnyPacketIsDroppedWhileItsPeerMovesToAnotherSetThatIsAdmitted) {
  constexpr unsigned kMoves = 2000;
  const auto in = [](const char* set) {
    return Rule{{Match{{Field::IpDaddr}, false, InSet{set}}, kAccept}, {}};
  };
  Ruleset table =
      tableWithOutput({in("peers-a"), in("peers-b"), {{kToPeer, kDrop.statements.front()}, {}}});
  table.add(admitting("peers-a", {kPeer}));
  table.add(admitting("peers-b", {}));
  const auto dropped = floodDuring(kMoves, table, [](unsigned i) {
    ChangeSet changes;
    changes.changes = {DeleteElements{i % 2 == 1 ? "peers-a" : "peers-b", {kPeer}},
                       AddElements{i % 2 == 1 ? "peers-b" : "peers-a", {kPeer}}};
    return changes;
  });
  // A packet whose lookup of the first set is older than that of the second one may find its peer
  // in neither.
  std::printf("%u packets dropped during %u changes\n", static_cast<unsigned>(dropped), kMoves);
  EXPECT_LT(dropped, kMoves / 4);
}

}  // namespace
}  // namespace kpol::nft
