// SPDX-License-Identifier: Apache-2.0
#include "node/capabilities.hpp"

#include "base/error.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace kpol::node {

void expectCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0)
    throw base::SystemError("read the capabilities of this process", errno);
  if ((data[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)) != 0) return;
  throw base::Error(
      "the capability CAP_NET_ADMIN is missing, so kpold cannot change nftables: run kpold as "
      "root, in a pod with securityContext.capabilities.add: [NET_ADMIN]");
}

}  // namespace kpol::node
