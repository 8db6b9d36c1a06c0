// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_error.hpp"
#include "plugin/request.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::test {

// A request as the runtime would make it: container `id`, interface eth0, pod shop/<id>.
inline plugin::Request requestFor(const std::string& id, const std::string& configText) {
  plugin::Request request;
  request.env.command = conf::CniCommand::Add;
  request.env.containerId = id;
  request.env.netns = "/run/netns/" + id;
  request.env.ifName = base::IfName::parse("eth0");
  request.env.args.pod = {"shop", id};
  request.env.args.podUid = "uid-" + id;
  request.config = conf::parseNetworkConfig(configText);
  request.configText = configText;
  return request;
}

// The error result that `act` throws; a test failure without one.
template <typename Act>
conf::CniError cniErrorOf(Act act) {
  try {
    act();
  } catch (const conf::CniFailure& failure) {
    return failure.error();
  }
  ADD_FAILURE() << "no CniFailure";
  return {};
}

}  // namespace kpol::test
