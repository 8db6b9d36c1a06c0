// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_error.hpp"
#include "conf/cni_result.hpp"
#include "netlink/netns.hpp"
#include "netlink/objects.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/plan.hpp"
#include "tests/plugin/temporary_directory.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kpol::test {

inline base::IfName interface(const std::string& name) {
  return base::IfName::parse(name).value();
}
inline unsigned number(conf::CniCode code) {
  return static_cast<unsigned>(code);
}
// The host interface of container `id`.
inline base::IfName hostEnd(const std::string& id) {
  return plugin::hostInterfaceOf({id, "eth0"});
}

// A new network namespace, bound to a file. The destructor deletes it.
class PodNamespace {
 public:
  explicit PodNamespace(std::string path);
  PodNamespace(const PodNamespace&) = delete;
  PodNamespace& operator=(const PodNamespace&) = delete;
  ~PodNamespace();
  // Deletes the file now; after that only open descriptors keep the namespace.
  void vanish();
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] netlink::Netns open() const { return netlink::Netns::open(path_); }
  [[nodiscard]] netlink::RouteSocket routeSocket() const;

 private:
  std::string path_;
};

enum class Families { V4, V6, Dual };

// The namespace of the test program as a node without kpold, with real calls of the real plugin and
// its own state directory. After each test nothing of kpol may be left in the namespace.
class PluginNode : public testing::Test {
 protected:
  PluginNode();
  ~PluginNode() override;

  // The namespace of container `id`, created at the first use.
  PodNamespace& podNamespace(const std::string& id);
  void removePodNamespace(const std::string& id) { pods_.erase(id); }

  // A network config with policy none; `more` is further fields, ",\"mtu\":1400".
  [[nodiscard]] std::string config(Families families, const std::string& more = {},
                                   const std::string& version = "1.0.0") const;
  // The same with policy required.
  [[nodiscard]] std::string enforcedConfig(const std::string& socket) const;

  ProcessResult call(const std::string& command, const std::string& id, const std::string& config,
                     const Environment& extra = {});
  // Fails the test where the call does.
  conf::CniResult add(const std::string& id, const std::string& config);
  void del(const std::string& id, const std::string& config);
  // The error of a call that must fail.
  conf::CniError errorOf(const std::string& command, const std::string& id,
                         const std::string& config);
  // `config` with the output of ADD as its prevResult.
  static std::string withPrevious(const std::string& config, const std::string& output);

  Environment environmentFor(const std::string& command, const std::string& id);

  // Links of ours, routes and neighbours of the node, and leases, one a line. What DEL has
  // left to be settled is waited for, five seconds at most.
  [[nodiscard]] std::string leftovers() const;
  [[nodiscard]] std::string leases() const;
  void expectNothingLeft() const { EXPECT_EQ(leftovers(), ""); }

  TemporaryDirectory directory_;

 private:
  std::map<std::string, std::unique_ptr<PodNamespace>> pods_;
};

}  // namespace kpol::test
