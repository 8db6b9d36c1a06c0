// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/live_table.hpp"
#include "policy/peer_feeds.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace kpol::policy {

// Chains, counters and sets of a table that are added, changed and removed together, for example
// those of one profile or of the host ports. Parts may share sets; a set's name must have the same
// meaning in all of them.
class LivePart {
 public:
  // Replaces the content by `part`. Its sets that are named in `feeds` are filled with peers; the
  // others keep the elements they have in `part`. An empty `part` removes everything.
  void replace(LiveTable& table, PeerFeeds& peers, nft::Ruleset part,
               const std::map<std::string, Feed>& feeds);
  // Whether the part has a chain, counter or set of this name.
  [[nodiscard]] bool contains(const std::string& name) const;
  [[nodiscard]] bool empty() const { return chains_.empty() && sets_.empty(); }

 private:
  std::set<std::string> chains_;
  std::set<std::string> counters_;
  std::vector<LiveSet*> sets_;
};

}  // namespace kpol::policy
