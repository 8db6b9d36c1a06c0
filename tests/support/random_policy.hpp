// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

// Random clusters for property tests: small, and with what implementations often get wrong.
namespace kpol::test {

// Choices from a seed; the same on every platform (std::uniform_int_distribution is not).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  std::size_t between(std::size_t first, std::size_t last) {
    return first + below(last - first + 1);
  }
  bool oneIn(std::size_t n) { return below(n) == 0; }
  template <typename Range>
  const auto& pick(const Range& range) {
    return *(std::begin(range) + static_cast<std::ptrdiff_t>(below(std::size(range))));
  }
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return *(choices.begin() + below(choices.size()));
  }
  // Moves a random element out; `pool` must not be empty.
  template <typename T>
  T take(std::vector<T>& pool) {
    std::swap(pool[below(pool.size())], pool.back());
    T taken = std::move(pool.back());
    pool.pop_back();
    return taken;
  }

 private:
  std::mt19937_64 engine_;
};

// A cluster of up to eight pods and twelve policies, valid as policy::Snapshot documents. Two
// running pods never have an endpoint with the same address; finished pods, and pods without an
// endpoint, may report an address of any other. Some policies have what the API server would
// reject, as stored objects can: peers without fields or with too many, unknown protocols, excepts
// equal to their block.
policy::Snapshot randomSnapshot(Random& random);
// Such a cluster with a local pod that a thousand policies select, or whose policies have rules
// with hundreds of peers. Creating and evaluating it takes long.
policy::Snapshot randomLargeSnapshot(Random& random);

// Tunnels of a few nodes, whose addresses are those of hosts outside the cluster. No pod has one.
std::vector<policy::NodeTunnel> randomTunnels(Random& random);

// A flow with values that matter in `snapshot`: addresses of pods and nodes, the first and last
// addresses of blocks, and ports at the ends of ranges. Never port 0; protocols without ports have
// one too, for the bytes of their headers in its place.
policy::Flow randomFlow(Random& random, const policy::Snapshot& snapshot);

// The first and last addresses of blocks and excepts, and the ones beside them.
std::vector<base::IpAddress> blockEdges(const policy::Snapshot& snapshot);

// Selectors and labels over the same few keys and values, as randomSnapshot() uses them.
policy::LabelSelector randomSelector(Random& random);
policy::Labels randomLabels(Random& random);
// The same selector in another spelling.
policy::LabelSelector respelled(Random& random, const policy::LabelSelector& selector);

}  // namespace kpol::test
