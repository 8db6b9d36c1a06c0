// SPDX-License-Identifier: Apache-2.0
#include "tests/support/shrink_policy.hpp"

#include <optional>
#include <vector>

namespace kpol::test {
namespace {

using policy::Labels;
using policy::LabelSelector;
using policy::Snapshot;

// Tries one-step reductions; keeps the first that still fails.
class Shrinker {
 public:
  Shrinker(Snapshot snapshot, const Fails& fails) : best_(std::move(snapshot)), fails_(fails) {}

  Snapshot run() {
    while (reduceOnce()) {
    }
    return best_;
  }

 private:
  bool keepIfFailing(Snapshot candidate) {
    if (!fails_(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // `access` names a vector within a snapshot; tries to do without each of its elements.
  template <typename Access>
  bool dropAny(const Access& access) {
    bool dropped = false;
    for (std::size_t i = access(best_).size(); i > 0; --i) {
      Snapshot candidate = best_;
      auto& elements = access(candidate);
      elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i - 1));
      dropped = keepIfFailing(std::move(candidate)) || dropped;
    }
    return dropped;
  }

  template <typename Access>
  bool clear(const Access& access) {
    if (access(best_) == std::decay_t<decltype(access(best_))>{}) return false;
    Snapshot candidate = best_;
    access(candidate) = {};
    return keepIfFailing(std::move(candidate));
  }

  bool reduceOnce() {
    bool reduced = dropAny([](Snapshot & s) -> auto& { return s.policies; });
    reduced = dropPods() || reduced;
    reduced = dropAny([](Snapshot & s) -> auto& { return s.pods; }) || reduced;
    reduced = dropAny([](Snapshot & s) -> auto& { return s.endpoints; }) || reduced;
    reduced = dropAny([](Snapshot & s) -> auto& { return s.namespaces; }) || reduced;
    reduced = dropAny([](Snapshot & s) -> auto& { return s.nodeIps; }) || reduced;
    reduced = clear([](Snapshot & s) -> auto& { return s.podToNode; }) || reduced;
    reduced = clear([](Snapshot & s) -> auto& { return s.metadataGuard; }) || reduced;
    reduced = dropAny([](Snapshot & s) -> auto& { return s.network.tunnels; }) || reduced;
    for (std::size_t i = 0; i < best_.policies.size(); ++i) reduced = reducePolicy(i) || reduced;
    for (std::size_t i = 0; i < best_.pods.size(); ++i) reduced = reducePod(i) || reduced;
    for (std::size_t i = 0; i < best_.endpoints.size(); ++i) {
      reduced = dropAny([i](Snapshot & s) -> auto& { return s.endpoints[i].ips; }) || reduced;
    }
    return reduced;
  }

  // A pod with its endpoints, because otherwise an endpoint of an unknown pod would remain.
  bool dropPods() {
    bool dropped = false;
    for (std::size_t i = best_.pods.size(); i > 0; --i) {
      Snapshot candidate = best_;
      const base::ObjectKey key = candidate.pods[i - 1].key;
      candidate.pods.erase(candidate.pods.begin() + static_cast<std::ptrdiff_t>(i - 1));
      std::erase_if(candidate.endpoints, [&](const auto& e) { return e.pod == key; });
      dropped = keepIfFailing(std::move(candidate)) || dropped;
    }
    return dropped;
  }

  bool reducePod(std::size_t i) {
    bool reduced = clear([i](Snapshot & s) -> auto& { return s.pods[i].labels; });
    reduced = dropAny([i](Snapshot & s) -> auto& { return s.pods[i].ports; }) || reduced;
    return dropAny([i](Snapshot & s) -> auto& { return s.pods[i].ips; }) || reduced;
  }

  bool reducePolicy(std::size_t i) {
    bool reduced = clear([i](Snapshot & s) -> auto& { return s.policies[i].podSelector; });
    reduced =
        reduceSelector([i](Snapshot & s) -> auto& { return s.policies[i].podSelector; }) || reduced;
    reduced = reduceRules([i](Snapshot & s) -> auto& { return s.policies[i].ingress; }) || reduced;
    return reduceRules([i](Snapshot & s) -> auto& { return s.policies[i].egress; }) || reduced;
  }

  template <typename Access>
  bool reduceRules(const Access& access) {
    bool reduced = dropAny(access);
    for (std::size_t i = 0; i < access(best_).size(); ++i) {
      const auto peers = [&, i ](Snapshot & s) -> auto& {
        return access(s)[i].peers;
      };
      reduced = dropAny(peers) || reduced;
      reduced = dropAny([&, i ](Snapshot & s) -> auto& { return access(s)[i].ports; }) || reduced;
      for (std::size_t j = 0; j < peers(best_).size(); ++j) {
        reduced = reducePeer([&, j ](Snapshot & s) -> auto& { return peers(s)[j]; }) || reduced;
      }
    }
    return reduced;
  }

  template <typename Access>
  bool reducePeer(const Access& peer) {
    bool reduced = false;
    if (peer(best_).ipBlock) {
      reduced = dropAny([&](Snapshot & s) -> auto& { return peer(s).ipBlock->except; });
    }
    if (peer(best_).podSelector) {
      reduced =
          reduceSelector([&](Snapshot & s) -> auto& { return *peer(s).podSelector; }) || reduced;
    }
    if (peer(best_).namespaceSelector) {
      reduced = reduceSelector([&](Snapshot & s) -> auto& { return *peer(s).namespaceSelector; }) ||
                reduced;
    }
    return reduced;
  }

  template <typename Access>
  bool reduceSelector(const Access& access) {
    const bool reduced = clear([&](Snapshot & s) -> auto& { return access(s).matchLabels; });
    return dropAny([&](Snapshot & s) -> auto& { return access(s).matchExpressions; }) || reduced;
  }

  Snapshot best_;
  const Fails& fails_;
};

}  // namespace

Snapshot shrink(Snapshot snapshot, const Fails& fails) {
  return Shrinker(std::move(snapshot), fails).run();
}

}  // namespace kpol::test
