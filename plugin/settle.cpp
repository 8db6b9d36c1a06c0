// SPDX-License-Identifier: Apache-2.0
#include "plugin/settle.hpp"

#include "base/error.hpp"
#include "ipam/departures.hpp"

#include <unistd.h>

#include <cstdio>

namespace kpol::plugin {

void settleBehind(const std::string& stateDir) {
  const pid_t child = ::fork();
  if (child > 0) return;
  if (child < 0) {
    ipam::settleDepartures(stateDir, remark);
    return;
  }
  // The runtime reads our output until every process has closed it, and the locks of this call are
  // released only with their last descriptor.
  ::close_range(0, ~0U, 0);
  int status = 0;
  try {
    ipam::settleDepartures(stateDir, [](const std::string&) {});
  } catch (const base::Error&) {
    status = 1;  // no one reads our output; the recorded releases are completed later
  }
  ::_exit(status);
}

void remark(const std::string& text) {
  std::fprintf(stderr, "kpol: %s\n", text.c_str());
}

}  // namespace kpol::plugin
