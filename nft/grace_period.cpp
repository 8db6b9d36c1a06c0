// SPDX-License-Identifier: Apache-2.0
#include "nft/grace_period.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace kpol::nft {

void waitForPacketsOnTheirWay() {
  constexpr std::chrono::milliseconds kFarLongerThanAPacket{50};
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  std::this_thread::sleep_for(kFarLongerThanAPacket);
}

}  // namespace kpol::nft
