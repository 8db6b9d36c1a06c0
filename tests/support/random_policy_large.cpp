// SPDX-License-Identifier: Apache-2.0
#include "policy/profile.hpp"
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace kpol::test {
namespace {

using policy::NetworkPolicy;
using policy::Snapshot;

// Policies of other random clusters; their selectors, blocks and ports are drawn from the same few
// values, so they concern this cluster's pods as well as its own do.
class Source {
 public:
  explicit Source(Random& random) : random_(random) {}

  NetworkPolicy next() {
    while (stock_.empty()) stock_ = randomSnapshot(random_).policies;
    return random_.take(stock_);
  }

 private:
  Random& random_;
  std::vector<NetworkPolicy> stock_;
};

// Whether the pod's profiles are not too large, so that its policies are evaluated.
bool fits(const Snapshot& snapshot, const policy::Pod& pod) {
  std::vector<const NetworkPolicy*> policies;
  for (const auto& one : snapshot.policies)
    if (one.key.ns == pod.key.ns) policies.push_back(&one);
  return std::ranges::all_of(std::array{policy::Direction::Ingress, policy::Direction::Egress},
                             [&](auto direction) {
                               const auto key = policy::profileKey(pod, policies, direction);
                               const auto profile = key ? policy::makeProfile(*key) : std::nullopt;
                               return !key || (profile && policy::disjointPorts(*profile));
                             });
}

}  // namespace

Snapshot randomLargeSnapshot(Random& random) {
  Snapshot snapshot;
  const auto isLocalPod = [&](const policy::Endpoint& endpoint) {
    const auto* pod = policy::findPod(snapshot, endpoint.pod);
    return pod != nullptr && policy::hasPodNetwork(*pod);
  };
  do {
    snapshot = randomSnapshot(random);
  } while (std::ranges::none_of(snapshot.endpoints, isLocalPod));
  const auto target = std::ranges::find_if(snapshot.endpoints, isLocalPod)->pod;

  Source source(random);
  const bool many = random.oneIn(2);
  const std::size_t policies = many ? 1000 : 2;
  for (std::size_t i = 0; i < policies; ++i) {
    NetworkPolicy made = source.next();
    made.key = {target.ns, "many-" + std::to_string(10000 + i)};
    made.podSelector = everything();
    // Else one of so many policies would surely admit everything.
    for (auto* rules : {&made.ingress, &made.egress}) {
      if (many) std::erase_if(*rules, [](const auto& rule) { return rule.ports.empty(); });
      while (!many && !rules->empty() && rules->front().peers.size() < 300) {
        for (const auto& rule : source.next().ingress) {
          auto& peers = rules->front().peers;
          peers.insert(peers.end(), rule.peers.begin(), rule.peers.end());
        }
      }
    }
    snapshot.policies.push_back(std::move(made));
  }
  std::ranges::sort(snapshot.policies, {}, &NetworkPolicy::key);
  const auto* pod = policy::findPod(snapshot, target);
  while (!fits(snapshot, *pod)) {
    auto rank = 0;
    for (auto& policy : snapshot.policies)
      for (auto* rules : {&policy.ingress, &policy.egress})
        std::erase_if(*rules, [&](const auto&) { return ++rank % 4 == 0; });
  }
  return snapshot;
}

}  // namespace kpol::test
