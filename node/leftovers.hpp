// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <functional>
#include <string>
#include <vector>

// Everything that kpold and the plugin make on a node, for who takes kpol off it.
namespace kpol::node {

// The table is another's, which still runs: a kpold that must be stopped first.
class TableHeld : public base::Error {
 public:
  using Error::Error;
};

// Where it was told to make it.
struct Places {
  std::string confDir;  // empty: no network config
  std::string binDir;
  std::string stateDir;
  std::string socket;
};

// One thing, or several that go together. Things keep references to nothing.
struct Leftover {
  std::string text;              // "network config /etc/cni/net.d/10-kpol.conflist"
  std::function<void()> remove;  // succeeds where it is gone already; throws base::Error
};

// What there is, in the order in which it has to go: first the network config, so that no further
// pod starts; then the interfaces of pods, and only then the table that polices them; what the
// plugin needs last. Who stops at the first failure leaves no pod unpoliced. Only what bears kpol's
// names is found, in the calling thread's network namespace; reads only. Throws base::Error: the
// kernel cannot be asked, or another process holds the table (TableHeld).
std::vector<Leftover> findLeftovers(const Places& places);

// The socket's file, its lock, and the directory where that is empty then and named for kpol.
void removeSocket(const std::string& socket);

}  // namespace kpol::node
