// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "netlink/netns.hpp"
#include "tests/support/process.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kpol::test {

// A network namespace of its own, bound to a file; gone with the last of file and processes.
class TestNetns {
 public:
  explicit TestNetns(std::filesystem::path file);  // created, with lo up
  TestNetns(const TestNetns&) = delete;
  TestNetns& operator=(const TestNetns&) = delete;
  ~TestNetns();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] netlink::Netns open() const { return netlink::Netns::open(path_); }

 private:
  std::string path_;
};

// A pod added by the plugin.
struct NodePod {
  base::ObjectKey key;
  std::string containerId;
  std::unique_ptr<TestNetns> netns;
  std::vector<base::IpAddress> ips;

  [[nodiscard]] base::IpAddress ip(base::Family family) const;
};

struct NodeOptions {
  std::string ipv4 = "10.244.1.0/24";
  std::string ipv6 = "fd00:10:244:1::/64";
  std::string policy = "required";
  std::string name = "node";
  bool outside = true;             // with the neighbour outside, and eth0 to it
  std::string metricsListen = {};  // of kpold
  std::vector<std::string> kpoldArguments = {};
  // kpold's arguments for its source, for the node's directory; empty: a directory of manifests.
  std::function<std::vector<std::string>(const std::filesystem::path&)> source = {};
  // The program that runs kpold, called with the node's directory (see confined.cpp); empty: none.
  std::function<std::vector<std::string>(const std::filesystem::path&)> launcher = {};
};

// One node in the network namespace of the calling thread: a directory for its files, kpold on a
// directory of manifests, pods through real calls of the plugin, and a neighbour "outside" behind
// the interface eth0. Everything is gone with the object.
//   node:    192.0.2.1, 2001:db8:2::1      outside: 192.0.2.2, 2001:db8:2::2
class Node {
 public:
  explicit Node(NodeOptions options = {});
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  // Starts kpold and waits until its socket responds. `extra`: arguments besides those of the
  // node's options.
  void startKpold(const std::vector<std::string>& extra = {});
  int stopKpold(int signal);  // its exit code
  [[nodiscard]] bool kpoldRuns();

  // Writes one manifest file into place, or removes it.
  void apply(const std::string& file, const std::string& text) const;
  void remove(const std::string& file) const;
  // Returns when all that is in the directory is committed. Fails the test otherwise.
  void sync() const;

  // Throws std::runtime_error with the plugin's output if ADD fails. `runtimeConfig`: JSON, as a
  // runtime passes it for capabilities.
  NodePod& add(const base::ObjectKey& key, const std::string& runtimeConfig = {});
  void del(const base::ObjectKey& key);
  [[nodiscard]] NodePod* find(const base::ObjectKey& key);
  // One call of the plugin, with the node's network config.
  ProcessResult plugin(const std::string& command, const NodePod& pod,
                       const std::string& prevResult = {}) const;
  // One call that is killed after that time, if it still runs then.
  void pluginKilledAfter(const std::string& command, const NodePod& pod,
                         std::chrono::microseconds time) const;
  // The same with any network config.
  static ProcessResult plugin(const std::string& command, const NodePod& pod, const char* config);
  NodePod makePod(const base::ObjectKey& key);  // its namespace only; no ADD

  [[nodiscard]] const std::string& name() const { return options_.name; }
  // kpold's response to GET `target`.
  [[nodiscard]] std::string get(const std::string& target) const;
  [[nodiscard]] ProcessResult kpolctl(std::vector<std::string> arguments) const;
  [[nodiscard]] std::string log() const;
  [[nodiscard]] pid_t kpoldPid() const { return kpold_->pid(); }

  [[nodiscard]] std::filesystem::path directory() const { return directory_; }
  [[nodiscard]] std::filesystem::path stateDirectory() const { return directory_ / "state"; }
  [[nodiscard]] std::string socket() const { return directory_ / "kpold.sock"; }
  [[nodiscard]] const TestNetns& outside() const { return *outside_; }
  // `policy` empty: as in the node's options.
  [[nodiscard]] std::string networkConfig(const std::string& prevResult = {},
                                          const std::string& policy = {},
                                          const std::string& runtimeConfig = {}) const;

  static base::IpAddress nodeIp(base::Family family);
  static base::IpAddress outsideIp(base::Family family);

 private:
  void connectOutside();

  NodeOptions options_;
  std::filesystem::path directory_;
  std::unique_ptr<TestNetns> outside_;
  std::unique_ptr<Background> kpold_;
  std::map<base::ObjectKey, NodePod> pods_;
  int made_ = 0;
};

}  // namespace kpol::test
