// SPDX-License-Identifier: Apache-2.0
// Forbidden packets, and new flows that stay allowed, during changes of every kind: of policies,
// labels, ports, named ports, blocks, unions and remote pods. IPv4 and IPv6.
#include "base/unique_fd.hpp"
#include "tests/support/node.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace kpol::test {
namespace {

using base::Family;

constexpr std::uint16_t kFloodedPort = 8080;
constexpr char kForbidden = 'f';
constexpr char kAllowed = 'a';

// The random state of one step. In every state
//   - "target" admits "friend", and "guest" by ingress; never "stranger", and no host outside;
//   - "guest" may send to "friend" only, so its egress forbids it to send to "target".
struct ClusterState {
  int name = 0;          // of a policy that is renamed at each change
  int revision = 0;      // of labels
  int tier = 0;          // of the target, by which a policy selects it; its twin has the other one
  int strangerRole = 0;  // admitted on another port than the flooded one
  bool byUnion = false;  // the target admits by several selectors
  bool byNamespace = false;
  bool wide = false;   // the ports are a range
  bool named = false;  // or named
  bool extra = false;  // another policy that admits another pod
  int blocks = 0;      // ipBlocks without a host here
  int remotePods = 0;
};

void mutate(ClusterState& state, Random& random) {
  ++state.revision;
  for (int i = 0; i < 2; ++i) switch (random.below(10)) {
      case 0: ++state.name; break;
      case 1: state.tier ^= 1; break;
      case 2: state.strangerRole ^= 1; break;
      case 3: state.byUnion = !state.byUnion; break;
      case 4: state.byNamespace = !state.byNamespace; break;
      case 5: state.wide = !state.wide; break;
      case 6: state.named = !state.named; break;
      case 7: state.extra = !state.extra; break;
      case 8: state.blocks = static_cast<int>(random.below(4)); break;
      default: state.remotePods = static_cast<int>(random.below(4)); break;
    }
}

std::string podOf(const std::string& name, const std::string& labels,
                  const std::string& rest = {}) {
  return "- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: " + name +
         ", labels: {app: " + name + ", " + labels + "}}" + rest + "}\n";
}

std::string policyOf(const std::string& name, const std::string& spec) {
  return "- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {namespace: shop, name: " +
         name + "}, spec: {" + spec + "}}\n";
}

const std::string kTargetAndTwin =
    "podSelector: {matchExpressions: [{key: app, operator: In, values: [target, twin]}]}, ";

// The peers of the flooded port: the friend and the guest, in one of several ways.
std::string peersOf(const ClusterState& state) {
  const std::string ns = state.byNamespace ? "namespaceSelector: {matchLabels: {team: one}}, " : "";
  const auto selector = [&](const std::string& text) {
    return "{" + ns + "podSelector: {" + text + "}}";
  };
  std::string peers;
  if (state.byUnion) {
    for (const char* app : {"friend", "guest", "nobody"})
      peers += selector("matchLabels: {app: " + std::string(app) + "}") + ", ";
  } else {
    peers =
        selector("matchExpressions: [{key: app, operator: In, values: [friend, guest]}]") + ", ";
  }
  for (int i = 0; i < state.blocks; ++i)
    peers += "{ipBlock: {cidr: 203.0.113." + std::to_string(16 * i) +
             "/28}}, {ipBlock: {cidr: \"2001:db8:113:" + std::to_string(i) + "::/64\"}}, ";
  return "[" + peers.substr(0, peers.size() - 2) + "]";
}

std::string portsOf(const ClusterState& state) {
  if (state.named) return "[{port: web, protocol: UDP}]";
  if (state.wide) return "[{port: 8000, endPort: 8090, protocol: UDP}]";
  return "[{port: 8080, protocol: UDP}]";
}

std::string manifestOf(const ClusterState& state) {
  const auto revision = "revision: r" + std::to_string(state.revision);
  std::string text = "apiVersion: v1\nkind: List\nitems:\n";
  text += "- {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: one, " +
          revision + "}}}\n";
  text += podOf("target", "tier: t" + std::to_string(state.tier) + ", " + revision,
                ", spec: {containers: [{name: c, ports: [{name: web, containerPort: 8080, "
                "protocol: UDP}]}]}");
  text += podOf("twin", "tier: t" + std::to_string(state.tier ^ 1));
  text += podOf("friend", revision);
  text += podOf("guest", revision);
  text += podOf("stranger", "role: r" + std::to_string(state.strangerRole));
  for (int i = 0; i < state.remotePods; ++i) {
    const auto end = std::to_string(i + 1);
    text += podOf("remote" + end, "role: r1",
                  ", spec: {nodeName: other}, status: {phase: Running, podIPs: [{ip: 10.244.2." +
                      end + "}, {ip: \"fd00:10:244:2::" + end + "\"}]}");
  }
  const auto rule = "ingress: [{from: " + peersOf(state) + ", ports: " + portsOf(state) + "}]";
  // Of the tiers, the one that the target has admits its peers on the flooded port, and the other
  // one the stranger.
  const std::string stranger = "ingress: [{from: [{podSelector: {matchLabels: {app: stranger}}}]}]";
  for (int tier = 0; tier < 2; ++tier)
    text += policyOf("tier" + std::to_string(tier), "podSelector: {matchLabels: {tier: t" +
                                                        std::to_string(tier) + "}}, " +
                                                        (tier == state.tier ? rule : stranger));
  text += policyOf("renamed" + std::to_string(state.name), kTargetAndTwin + rule);
  if (state.extra)
    text += policyOf("extra", kTargetAndTwin +
                                  "ingress: [{from: [{podSelector: {matchLabels: {role: r1}}}], "
                                  "ports: [{port: 9090, protocol: UDP}]}]");
  text += policyOf("guest" + std::to_string(state.name),
                   "podSelector: {matchLabels: {app: guest}}, policyTypes: [Egress], egress: [{to: "
                   "[{podSelector: {matchLabels: {app: friend}}}], ports: " +
                       std::string(state.wide ? "[{port: 8000, endPort: 8090, protocol: UDP}]"
                                              : "[{port: 8080, protocol: UDP}]") +
                       "}]");
  return text;
}

sockaddr_in6 socketAddressOf(const base::IpAddress& ip, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  auto* bytes = address.sin6_addr.s6_addr;
  if (ip.isV4()) {  // as an IPv4-mapped address
    bytes[10] = bytes[11] = 0xff;
    std::memcpy(bytes + 12, ip.bytes().data(), 4);
  } else {
    std::memcpy(bytes, ip.bytes().data(), 16);
  }
  return address;
}

base::UniqueFd datagramSocket(const netlink::Netns& netns) {
  const auto guard = netns.enter();
  base::UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int no = 0;
  ::setsockopt(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  return fd;
}

// Sends datagrams from one host to the target until stopped. Those of `kAllowed` are of a new flow
// each, and so slow that none is lost in the queue of the receiver.
class Sender {
 public:
  Sender(netlink::Netns from, std::array<base::IpAddress, 2> to, char mark)
      : from_(std::move(from)), to_(std::move(to)), mark_(mark), thread_([this](const auto& stop) {
          while (!stop.stop_requested()) sendOne();
        }) {}
  std::uint64_t stop() {
    thread_.request_stop();
    thread_.join();
    return sent_;
  }

 private:
  void sendOne() {
    const auto address = socketAddressOf(to_.at(sent_ % 2), kFloodedPort);
    if (!socket_ || mark_ == kAllowed || sent_ % 64 == 0) socket_ = datagramSocket(from_);
    const auto size = ::sendto(socket_.value(), &mark_, 1, 0,
                               reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (size == 1) ++sent_;
    if (mark_ == kAllowed) std::this_thread::sleep_for(std::chrono::microseconds(300));
  }

  netlink::Netns from_;
  std::array<base::IpAddress, 2> to_;
  char mark_;
  base::UniqueFd socket_;
  std::uint64_t sent_ = 0;
  std::jthread thread_;
};

// Counts what arrives at the target.
class Receiver {
 public:
  explicit Receiver(const netlink::Netns& netns) : socket_(datagramSocket(netns)) {
    const auto any = socketAddressOf(*base::IpAddress::parse("::"), kFloodedPort);
    EXPECT_EQ(::bind(socket_.value(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) receive();
      receive();
    });
  }
  // Waits until nothing arrives any more.
  void stop() {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    thread_.request_stop();
    thread_.join();
  }
  std::uint64_t forbidden = 0;
  std::uint64_t allowed = 0;

 private:
  void receive() {
    pollfd ready{socket_.value(), POLLIN, 0};
    ::poll(&ready, 1, 20);
    char mark = 0;
    while (::recv(socket_.value(), &mark, 1, 0) == 1) ++(mark == kForbidden ? forbidden : allowed);
  }
  base::UniqueFd socket_;
  std::jthread thread_;
};

class ChangeFlood : public ::testing::Test {
 protected:
  ChangeFlood() : random_(seedOfThisRun()) {
    NodeOptions options;
    options.name = "flood";
    node_.emplace(std::move(options));
    node_->apply("cluster.yaml", manifestOf(state_));
    node_->startKpold();
    for (const char* name : {"target", "twin", "friend", "guest", "stranger"})
      node_->add({"shop", name});
    node_->sync();
  }
  [[nodiscard]] std::unique_ptr<Sender> sendFrom(const TestNetns& from, char mark) {
    const auto* target = node_->find({"shop", "target"});
    return std::make_unique<Sender>(
        from.open(), std::array{target->ip(Family::V4), target->ip(Family::V6)}, mark);
  }
  [[nodiscard]] std::unique_ptr<Sender> sendFrom(const char* pod, char mark) {
    return sendFrom(*node_->find({"shop", pod})->netns, mark);
  }
  void change() {
    mutate(state_, random_);
    node_->apply("cluster.yaml", manifestOf(state_));
    node_->sync();
  }

  Random random_;
  ClusterState state_;
  std::optional<Node> node_;
};

TEST_F(ChangeFlood, NoForbiddenPacketPassesAndNoAllowedFlowIsLost) {
  const auto changes = fromEnvironment("KPOL_CHANGES").value_or(400);
  Receiver receiver(node_->find({"shop", "target"})->netns->open());
  auto stranger = sendFrom("stranger", kForbidden);
  auto guest = sendFrom("guest", kForbidden);
  auto outside = sendFrom(node_->outside(), kForbidden);
  auto friendly = sendFrom("friend", kAllowed);
  for (std::uint64_t i = 0; i < changes; ++i) change();
  const auto forbidden = stranger->stop() + guest->stop() + outside->stop();
  const auto allowed = friendly->stop();
  receiver.stop();
  EXPECT_EQ(receiver.forbidden, 0U) << "during " << changes << " changes";
  EXPECT_EQ(receiver.allowed, allowed) << "during " << changes << " changes";
  EXPECT_GT(forbidden, 100 * changes);
  EXPECT_GT(allowed, changes);
  std::printf("%llu changes, %llu forbidden packets, %llu allowed flows\n",
              static_cast<unsigned long long>(changes), static_cast<unsigned long long>(forbidden),
              static_cast<unsigned long long>(allowed));
}

}  // namespace
}  // namespace kpol::test
