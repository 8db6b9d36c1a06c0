// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace kpol::controller {

// Confines a rejection by the kernel to the profiles that cause it: these deny everything, and all
// other profiles are still programmed. Does no I/O: the caller reports the outcome of each commit
// and gets the profiles that the next commit must deny.
//
// If the kernel names the rejected change, the profiles that contain it are blamed. If it does not,
// all profiles that the commit changes are suspects: they are denied, then admitted again group by
// group. A rejected group is halved, so n suspects with k causes take about 2 k log2(n) commits,
// and only suspects are denied meanwhile. A profile is identified by its chain, as in
// policy::Engine.
class BlastRadius {
 public:
  using Profiles = std::set<std::string>;

  struct Refusal {
    std::string message;  // of the kernel
    Profiles concerned;   // profiles that contain the rejected change; empty: not known
    Profiles changed;     // all profiles that the commit changes; empty if `concerned` is not
  };
  // The kernel rejected a whole commit. Returns true if the caller must commit again because
  // denied() has changed. Returns false if no profile is to blame; denied() is then the same as
  // before the search.
  bool refused(const Refusal& refusal);
  // The kernel accepted a commit. Returns true if the caller must commit again to admit a group of
  // suspects.
  bool committed();
  // The cause of the rejection may be gone: the next commit admits these profiles. Profiles that
  // are not blamed are ignored.
  void retry(const Profiles& profiles);
  // These profiles no longer exist.
  void forget(const Profiles& profiles);

  // The profiles that the next commit must deny.
  [[nodiscard]] Profiles denied() const;
  // The profiles found to be the cause, with the kernel's message.
  [[nodiscard]] const std::map<std::string, std::string>& blamed() const { return blamed_; }

 private:
  using Group = std::vector<std::string>;
  void blame(const std::string& profile, const std::string& message);
  void tryNext();

  std::map<std::string, std::string> blamed_;
  Group trying_;                // admitted by the next commit
  std::vector<Group> waiting_;  // suspects, denied for now
  bool searching_ = false;
};

}  // namespace kpol::controller
