// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/engine.hpp"
#include "policy/snapshot.hpp"
#include "tests/support/random_policy.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace kpol::test {

// A cluster that changes object by object, and an engine that receives each change. The cluster's
// objects at any time are known here without the engine.
class RandomHistory {
 public:
  enum class Order {
    Any,        // an address may belong to two interfaces for a while
    Plausible,  // old interfaces are deleted before new ones are added, as in a node's kernel
  };
  RandomHistory(Random& random, Order order);

  // One event; what it was, in words.
  std::string step();
  [[nodiscard]] policy::Snapshot snapshot() const;
  policy::Engine& engine() { return engine_; }

 private:
  struct Event {
    int rank = 0;  // order among events, where it matters
    std::string name;
    std::function<void()> apply;
  };
  void plan();
  template <class Map>
  void planMap(const char* kind, int rank, const Map& wanted, Map& held);
  void planEndpoints(const policy::Snapshot& target);
  policy::Snapshot nextTarget();

  Random& random_;
  Order order_;
  policy::Engine::Settings settings_;
  policy::Engine engine_;
  std::map<std::string, policy::Namespace> namespaces_;
  std::map<base::ObjectKey, policy::Pod> pods_;
  std::map<base::ObjectKey, policy::NetworkPolicy> policies_;
  std::map<base::ObjectKey, std::vector<policy::Endpoint>> endpoints_;
  std::vector<base::IpAddress> nodeIps_;
  std::vector<base::IpAddress> hostPortIps_;
  policy::NodeNetwork network_;
  std::vector<Event> planned_;  // taken from the back
};

}  // namespace kpol::test
