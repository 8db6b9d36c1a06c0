// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/ip_address.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kpol::controller {

// Completes the pending releases that the plugin records (ipam/departures.hpp): deletes their links
// together and frees their addresses. This blocks for tens of milliseconds, so it runs in a thread
// of its own, with which it exchanges only values.
class Settler {
 public:
  explicit Settler(std::string stateDir);
  ~Settler();
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  // Call this after a release was recorded, or to delete the conntrack entries of `addresses`,
  // which no pod has any more.
  void wake(const std::vector<base::IpAddress>& addresses = {}) {
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
    requested_ = true;
    event_.notify();
  }

  // Runs until cancelled. Begins with the releases that are already pending. Throws what
  // ipam::settleDepartures throws.
  base::Task<> run();

 private:
  std::string stateDir_;
  bool requested_ = true;
  std::vector<base::IpAddress> addresses_;
  base::Event event_;
  std::unique_ptr<base::asio::thread_pool> worker_;
};

}  // namespace kpol::controller
