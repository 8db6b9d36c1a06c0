// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/ip_address.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kpol::controller {

// Settles the departures (ipam/departures.hpp) that the plugin records: deletes their links
// together and frees their addresses. That blocks for tens of milliseconds, so it runs on a thread
// of its own, which gets and gives values only.
class Settler {
 public:
  explicit Settler(std::string stateDir);
  ~Settler();
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  // A departure was recorded, or flows of these addresses, which nobody has now, are to end.
  void wake(const std::vector<base::IpAddress>& addresses = {}) {
    addresses_.insert(addresses_.end(), addresses.begin(), addresses.end());
    requested_ = true;
    event_.notify();
  }

  // Until cancelled. Begins with what is on record already. Throws what settling throws.
  base::Task<> run();

 private:
  std::string stateDir_;
  bool requested_ = true;
  std::vector<base::IpAddress> addresses_;
  base::Event event_;
  std::unique_ptr<base::asio::thread_pool> worker_;
};

}  // namespace kpol::controller
