// SPDX-License-Identifier: Apache-2.0
#include "ipam/directory.hpp"

#include "base/error.hpp"
#include "ipam/lease_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace kpol::ipam {
namespace {

// Also its parents. Each is tried once: some file systems, such as /proc, answer ENOENT for ever.
void makeDirectory(const std::string& path) {
  for (std::size_t end = 0; end != path.npos;) {
    end = path.find('/', end + 1);
    const auto part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
      throw base::SystemError("create directory " + part, errno);
  }
}

}  // namespace

bool isFull(int code) {
  return code == ENOSPC || code == EDQUOT;
}

base::UniqueFd openLockFile(const std::string& stateDir, const std::string& name) {
  const auto directory = stateDir + "/ipam";
  const auto path = directory + "/" + name;
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd && errno == ENOENT) {
    makeDirectory(directory);
    fd.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  }
  if (!fd) throw base::SystemError("open " + path, errno);
  return fd;
}

void takeLock(const std::string& what, std::chrono::milliseconds patience,
              const std::function<bool()>& attempt) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + patience;
  auto pause = std::chrono::microseconds(200);
  while (!attempt()) {
    if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR)
      throw base::SystemError("lock " + what, errno);
    if (Clock::now() >= deadline)
      throw StoreBusy("the lock " + what + " is held by another kpol process");
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5000));
  }
}

}  // namespace kpol::ipam
