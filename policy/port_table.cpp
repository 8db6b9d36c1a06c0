// SPDX-License-Identifier: Apache-2.0
#include "base/text_hash.hpp"
#include "policy/allowance.hpp"
#include "policy/profile.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace kpol::policy {
namespace {

constexpr std::array kProtocols{base::Protocol::Tcp, base::Protocol::Udp, base::Protocol::Sctp};

template <class Map>
bool sameKeys(const Map& a, const Map& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

template <class Map>
void addAll(Map& to, const Map& from) {
  for (const auto& [key, origins] : from) to[key].insert(origins.begin(), origins.end());
}

// Identifies the set of the rules in effect on a port, in constant time for each that begins or
// ends: the sum of a secret number for each. The numbers differ from process to process, so no
// tenant can write rules whose sums are equal; the result does not depend on them.
class Signature {
 public:
  void add(std::size_t rule) {
    first_ += base::textHash(std::to_string(rule) + "a");
    second_ += base::textHash(std::to_string(rule) + "b");
  }
  void remove(std::size_t rule) {
    first_ -= base::textHash(std::to_string(rule) + "a");
    second_ -= base::textHash(std::to_string(rule) + "b");
  }
  auto operator<=>(const Signature&) const = default;

 private:
  std::uint64_t first_ = 0;
  std::uint64_t second_ = 0;
};

// The entries of Profile::peers that are in effect on the current port.
class Active {
 public:
  explicit Active(std::size_t peers) : counts_(peers) {}
  void begin(std::size_t peers) {
    if (counts_[peers]++ > 0) return;
    signature_.add(peers);
    current_.insert(peers);
  }
  void end(std::size_t peers) {
    if (--counts_[peers] > 0) return;
    signature_.remove(peers);
    current_.erase(peers);
  }
  [[nodiscard]] const Signature& signature() const { return signature_; }
  [[nodiscard]] const std::set<std::size_t>& current() const { return current_; }

 private:
  std::vector<std::uint32_t> counts_;
  std::set<std::size_t> current_;
  Signature signature_;
};

// A place where ports of a rule begin, or end before.
struct Edge {
  std::uint32_t port = 0;
  bool begins = false;
  std::size_t peers = 0;
};

// Visits the edges of all ranges in order. Between two edges all ports admit the same peers; a set
// of peers is built only the first time that its rules are in effect together.
class Sweep {
 public:
  explicit Sweep(const Profile& profile)
      : profile_(profile), anyEntries_(entriesOf(profile.anyPort)), active_(profile.peers.size()) {
    for (const auto& peers : profile.peers) entries_.push_back(entriesOf(peers));
  }

  bool add(base::Protocol protocol) {
    const auto edges = edgesOf(protocol);
    for (auto edge = edges.begin(); edge != edges.end();) {
      const auto port = edge->port;
      for (; edge != edges.end() && edge->port == port; ++edge) pass(*edge);
      if (active_.current().empty()) continue;
      const auto place = placeOfActive();
      if (!place) return false;
      if (*place == kNothingMore) continue;
      append({protocol, static_cast<std::uint16_t>(port),
              static_cast<std::uint16_t>(edge->port - 1), *place});
    }
    return true;
  }

  PortTable take() {
    table_.peers.resize(places_.size());
    while (!places_.empty()) {
      auto node = places_.extract(places_.begin());
      table_.peers[node.mapped()] = std::move(node.key());
    }
    return std::move(table_);
  }

 private:
  static constexpr auto kNothingMore = static_cast<std::size_t>(-1);  // than anyPort admits

  [[nodiscard]] std::vector<Edge> edgesOf(base::Protocol protocol) const {
    std::vector<Edge> edges;
    for (const auto& port : profile_.ports) {
      if (port.protocol != protocol) continue;
      edges.push_back({port.first, true, port.peers});
      edges.push_back({port.last + 1U, false, port.peers});
    }
    std::sort(edges.begin(), edges.end(),
              [](const Edge& a, const Edge& b) { return a.port < b.port; });
    return edges;
  }

  void pass(const Edge& edge) {
    if (edge.begins)
      active_.begin(edge.peers);
    else
      active_.end(edge.peers);
  }

  // The place of the active peers in the table; nullopt if it has no room for them.
  std::optional<std::size_t> placeOfActive() {
    const auto [known, isNew] = known_.try_emplace(active_.signature(), kNothingMore);
    if (!isNew) return known->second;
    std::size_t entries = anyEntries_;
    for (const auto one : active_.current()) entries += entries_[one];
    if (!allowance_.take(entries)) return std::nullopt;
    auto all = profile_.anyPort;
    for (const auto one : active_.current()) all.add(profile_.peers[one]);
    if (!all.admitsSameAs(profile_.anyPort))
      known->second = places_.try_emplace(std::move(all), places_.size()).first->second;
    return known->second;
  }

  // Appends `next`, which starts after the last range, or joins the two if they are alike.
  void append(const PortPeers& next) {
    if (!table_.ranges.empty()) {
      auto& last = table_.ranges.back();
      if (last.protocol == next.protocol && last.last + 1 == next.first &&
          last.peers == next.peers) {
        last.last = next.last;
        return;
      }
    }
    table_.ranges.push_back(next);
  }

  const Profile& profile_;
  std::size_t anyEntries_;
  std::vector<std::size_t> entries_;  // of profile_.peers
  Active active_;
  Allowance allowance_{kMostProfileEntries};
  std::map<Signature, std::size_t> known_;  // places, by the rules in effect
  std::map<PeerSet, std::size_t> places_;   // in table_.peers
  PortTable table_;
};

}  // namespace

void PeerSet::add(const PeerSet& other) {
  if (other.any) {
    if (!any) any.emplace();
    any->insert(other.any->begin(), other.any->end());
  }
  if (any) {
    selectors.clear();
    blocks.clear();
    return;
  }
  addAll(selectors, other.selectors);
  addAll(blocks, other.blocks);
}

bool PeerSet::admitsSameAs(const PeerSet& other) const {
  return any.has_value() == other.any.has_value() && sameKeys(selectors, other.selectors) &&
         sameKeys(blocks, other.blocks);
}

std::optional<PortTable> disjointPorts(const Profile& profile) {
  if (profile.anyPort.any) return PortTable();
  Sweep sweep(profile);
  for (const auto protocol : kProtocols)
    if (!sweep.add(protocol)) return std::nullopt;
  return sweep.take();
}

}  // namespace kpol::policy
