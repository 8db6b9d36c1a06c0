// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace kpol::controller {

// Confines what the kernel refuses to the profiles that are to blame: they deny everything, and all
// others go on being programmed. A machine without I/O: it is told how commits ended, and says
// which profiles the next one is to deny.
//
// Where the kernel names the refused change, the profiles that it is a part of are to blame. Where
// it does not, the profiles that the commit changes are all suspect: they are denied, and let in
// again group by group. Groups that are refused are halved, so n suspects of which k are to blame
// take about 2 k log2(n) commits, and only suspects are denied meanwhile. A profile is known by its
// chain, as policy::Engine knows it.
class BlastRadius {
 public:
  using Profiles = std::set<std::string>;

  struct Refusal {
    std::string message;  // the kernel's
    Profiles concerned;   // those that have the refused change; empty: the kernel did not say
    Profiles changed;     // those that the commit changes at all
  };
  // The kernel took nothing of a commit. True: commit again, denied() has grown or changed. False:
  // no profile is to blame, and denied() is what it was before the search for one.
  bool refused(const Refusal& refusal);
  // The kernel took a commit. True: commit again, a group of suspects is to be let in.
  bool committed();
  // What made the kernel refuse these may be gone: the next commit tries them. Nothing is said of
  // profiles that are not to blame.
  void retry(const Profiles& profiles);
  // They are no more.
  void forget(const Profiles& profiles);

  // What the next commit denies.
  [[nodiscard]] Profiles denied() const;
  // Those that were found to be to blame, with the kernel's words.
  [[nodiscard]] const std::map<std::string, std::string>& blamed() const { return blamed_; }

 private:
  using Group = std::vector<std::string>;
  void blame(const std::string& profile, const std::string& message);
  void tryNext();

  std::map<std::string, std::string> blamed_;
  Group trying_;                // let in by the next commit
  std::vector<Group> waiting_;  // suspects, denied for now
  bool searching_ = false;
};

}  // namespace kpol::controller
