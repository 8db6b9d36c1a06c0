// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/config_error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace kpol::test {

// The field and the whole message of the ConfigError that `act` throws; a test failure without one.
template <typename Act>
std::pair<std::string, std::string> configErrorOf(Act act) {
  try {
    act();
  } catch (const conf::ConfigError& error) {
    return {error.field(), error.what()};
  }
  ADD_FAILURE() << "no ConfigError";
  return {};
}

}  // namespace kpol::test
