// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <functional>
#include <string>
#include <vector>

// Everything that kpold and the plugin make on a node, to remove kpol from it.
namespace kpol::node {

// A running process other than the holder owns the table: a kpold that must be stopped first.
class TableHeld : public base::Error {
 public:
  using Error::Error;
};

// The configured locations.
struct Places {
  std::string confDir;  // empty: no network config
  std::string binDir;
  std::string stateDir;
  std::string socket;
};

// An object to remove, or several that are removed together. Holds no references.
struct Leftover {
  std::string text;              // "network config /etc/cni/net.d/10-kpol.conflist"
  std::function<void()> remove;  // succeeds if it is already gone; throws base::Error
};

// Returns the existing objects in the order in which they must be removed: first the network
// config, so that no new pod starts; then the pod interfaces, and only then the table with their
// policies; last what the plugin needs. So if the caller stops at the first failure, no pod is
// without policies. Finds only objects with kpol's names, or with its route protocol, in the
// calling thread's network namespace. Changes nothing. Throws base::Error if the kernel cannot be
// queried, and TableHeld if another process than the holder owns the table.
std::vector<Leftover> findLeftovers(const Places& places);

// Removes the socket's file, its lock file, the holder's socket, and then the directory if it is
// empty and its name begins with "kpol".
void removeSocket(const std::string& socket);

}  // namespace kpol::node
