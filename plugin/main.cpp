// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "conf/plugin_mark.hpp"
#include "plugin/dispatch.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

// conf::kPluginMark with a newline. kpold recognises the plugin's file by this line.
[[gnu::used]] constexpr char kMark[] = "kpol.io/cni-plugin\n";
static_assert(std::string_view(kMark).starts_with(kpol::conf::kPluginMark) &&
              sizeof kMark == kpol::conf::kPluginMark.size() + 2);

constexpr std::chrono::seconds kInputPatience{10};
constexpr std::size_t kLargestInput = std::size_t{16} << 20;

// Reads standard input up to end of file. The runtime writes it at once and closes it. Returns an
// empty string if standard input is a terminal.
std::string readInput() {
  std::string text;
  if (::isatty(STDIN_FILENO) != 0) return text;
  const auto deadline = Clock::now() + kInputPatience;
  std::array<char, 65536> buffer{};
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd poll{STDIN_FILENO, POLLIN, 0};
    if (left <= 0 || ::poll(&poll, 1, static_cast<int>(left)) == 0)
      throw kpol::base::SystemError("read the network config from standard input", ETIMEDOUT);
    const auto got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw kpol::base::SystemError("read the network config", errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargestInput)
      throw kpol::base::SystemError("read the network config", EFBIG);
  }
}

bool writeAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

}  // namespace

int main() {
  // If the reader is gone, write(2) must fail instead of killing a half-done ADD.
  ::signal(SIGPIPE, SIG_IGN);
  const auto answer = kpol::plugin::answer(environment, readInput);
  if (!answer.message.empty()) writeAll(STDERR_FILENO, "kpol: " + answer.message + "\n");
  if (!answer.output.empty() && !writeAll(STDOUT_FILENO, answer.output + "\n")) return 1;
  return answer.exitCode;
}
