// SPDX-License-Identifier: Apache-2.0
// kpold's configuration file.
#include "conf/daemon_config.hpp"
#include "tests/fuzz/fuzz.hpp"

KPOL_FUZZ_HARNESS(daemon_config) {
  const auto text = kpol::fuzz::textOf(data, size);
  try {
    kpol::conf::DaemonConfig config;
    readDaemonConfig(text, config);
    checkDaemonConfig(config);
    kpol::conf::DaemonConfig again;
    readDaemonConfig(text, again);
    kpol::fuzz::require(config == again, "reading is repeatable");
    kpol::fuzz::require(config.auditInterval.count() >= 0 && config.collectAfter.count() >= 0,
                        "no time is negative");
  } catch (const kpol::base::Error&) {
    // rejected: a valid result
  }
  return 0;
}
