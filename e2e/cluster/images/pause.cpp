// SPDX-License-Identifier: Apache-2.0
// The process that keeps a pod's namespaces: waits for a signal to exit, and reaps orphans.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace {
void end(int) {
  _exit(0);
}
void reap(int) {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}
}  // namespace

int main() {
  std::signal(SIGINT, end);
  std::signal(SIGTERM, end);
  std::signal(SIGCHLD, reap);
  for (;;) pause();
}
