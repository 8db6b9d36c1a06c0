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

// Chains, counters and sets of a table that are made, changed and removed together: those of one
// profile, or of the host ports. Sets may be shared with other parts; what holds a name in two
// parts means the same in both.
class LivePart {
 public:
  // Becomes `part`; of its sets those in `feeds` are filled by peers, the others hold what they
  // bring. An empty `part` removes everything.
  void replace(LiveTable& table, PeerFeeds& peers, nft::Ruleset part,
               const std::map<std::string, Feed>& feeds);
  // Whether a chain, counter or set of this name is part of it.
  [[nodiscard]] bool contains(const std::string& name) const;
  [[nodiscard]] bool empty() const { return chains_.empty() && sets_.empty(); }

 private:
  std::set<std::string> chains_;
  std::set<std::string> counters_;
  std::vector<LiveSet*> sets_;
};

}  // namespace kpol::policy
