// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/netns.hpp"
#include "tests/support/node.hpp"

#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kpol::test {

// The numbers of the nodes of a site.
inline constexpr std::size_t kAlpha = 0, kBeta = 1, kGamma = 2;

// Three nodes, each a network namespace with its own kpold, and the network between them: a
// namespace that is a switch for the first two and a router for the third, has no routes to pods,
// and reports the senders of packets. The destructor deletes everything.
//             IPv4 of eth0        IPv6 of eth0         pods
//   alpha     192.0.2.11/24       2001:db8:2::11/64    10.244.1.0/24  fd00:10:244:1::/64
//   beta      192.0.2.12/24       2001:db8:2::12/64    10.244.2.0/24  fd00:10:244:2::/64
//   gamma     198.51.100.13/24    2001:db8:3::13/64    10.244.3.0/24  fd00:10:244:3::/64
//   fabric    192.0.2.254, 198.51.100.254, 2001:db8:2::fe, 2001:db8:3::fe
class Site {
 public:
  static constexpr std::size_t kNodes = 3;

  Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  ~Site();

  // The Node objects of all three, in every node's directory.
  void announceNodes();
  // A file in every node's directory.
  void apply(const std::string& file, const std::string& text);
  void remove(const std::string& file);
  // kpold on every node.
  void start(const std::vector<std::string>& arguments);

  Node& node(std::size_t number) { return *members_.at(number).node; }
  netlink::Netns netns(std::size_t number) const { return members_.at(number).netns->open(); }
  [[nodiscard]] netlink::Netns fabric() const { return fabric_->open(); }
  NodePod& add(std::size_t number, const base::ObjectKey& pod);
  // Runs `argv` in the node's namespace, and returns its output.
  std::string in(std::size_t number, const std::vector<std::string>& argv) const;
  std::string inFabric(const std::vector<std::string>& argv) const;

  static base::IpAddress nodeIp(std::size_t number, base::Family family);
  static base::IpAddress fabricIp(base::Family family);
  static std::string podCidr(std::size_t number, base::Family family);
  static std::string nodeText(std::size_t number);  // its Node object

 private:
  struct Member {
    std::unique_ptr<TestNetns> netns;
    std::unique_ptr<Node> node;
  };
  void connect();

  std::filesystem::path directory_;
  std::unique_ptr<TestNetns> fabric_;
  std::array<Member, kNodes> members_;
};

// Whether `condition` becomes true within ten seconds.
bool soon(const std::function<bool()>& condition);

}  // namespace kpol::test
