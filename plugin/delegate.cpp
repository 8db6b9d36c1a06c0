// SPDX-License-Identifier: Apache-2.0
#include "plugin/delegate.hpp"

#include "base/unique_fd.hpp"
#include "conf/cni_error.hpp"
#include "conf/config_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace kpol::plugin {
namespace {

using base::UniqueFd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestOutput = std::size_t{16} << 20;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe makePipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw base::SystemError("make a pipe", errno);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void setNonBlocking(const UniqueFd& fd) {
  if (::fcntl(fd.value(), F_SETFL, O_NONBLOCK) != 0) throw base::SystemError("fcntl a pipe", errno);
}

std::string findPlugin(const Request& request) {
  for (const auto& directory : request.env.path) {
    auto path = directory + "/" + request.config.ipam.type;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  throw conf::CniFailure(conf::CniCode::Ipam,
                         "IPAM plugin " + request.config.ipam.type + " is not in CNI_PATH",
                         "install it there, or set ipam.type to \"kpol\"");
}

std::vector<std::string> environmentFor(conf::CniCommand command) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!std::string_view(*entry).starts_with("CNI_COMMAND=")) result.emplace_back(*entry);
  result.push_back("CNI_COMMAND=" + std::string(toString(command)));
  return result;
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The attributes and file actions for posix_spawn(3).
class SpawnSetup {
 public:
  SpawnSetup(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    // The plugin would inherit the ignored SIGPIPE.
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// A running plugin. The destructor kills it and waits for it, unless wait() was called before.
class Process {
 public:
  Process(const std::string& path, conf::CniCommand command) {
    auto input = makePipe();
    auto output = makePipe();
    const SpawnSetup setup(input.read.value(), output.write.value());
    std::vector<std::string> arguments{path};
    auto environment = environmentFor(command);
    const int code = ::posix_spawn(&pid_, path.c_str(), setup.actions(), setup.attributes(),
                                   pointersTo(arguments).data(), pointersTo(environment).data());
    if (code != 0)
      throw conf::CniFailure(conf::CniCode::Ipam,
                             "cannot run " + path + ": " + std::strerror(code));
    running_ = true;
    input_ = std::move(input.write);
    output_ = std::move(output.read);
    setNonBlocking(input_);
    setNonBlocking(output_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (!running_) return;
    ::kill(pid_, SIGKILL);
    wait();
  }

  // Writes `text` to the plugin, reads its output up to end of file and waits until it has exited:
  // a plugin may close its stdout long before. Returns false if the deadline passes first or the
  // output is too large.
  bool converse(std::string_view text, std::string& output, Clock::time_point deadline) {
    const UniqueFd exit(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
    if (!exit) throw base::SystemError("pidfd_open of the IPAM plugin", errno);
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0 || output.size() > kLargestOutput) return false;
      // poll(2) skips -1. The output is read to its end, which may come after the exit.
      std::array<pollfd, 3> fds{{{output_.value(), POLLIN, 0},
                                 {input_.value(), POLLOUT, 0},
                                 {output_ ? -1 : exit.value(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), static_cast<int>(std::min<long long>(left, 60000))) < 0) {
        if (errno != EINTR) throw base::SystemError("poll the IPAM plugin", errno);
        continue;
      }
      if (fds[1].revents != 0) feed(text);
      if (fds[0].revents != 0) drain(output);
      if (fds[2].revents != 0) return true;
    }
  }

  // Returns the status of waitpid(2).
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    running_ = false;
    return status;
  }

 private:
  void feed(std::string_view& text) {
    const auto written = ::write(input_.value(), text.data(), text.size());
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // EPIPE: a plugin need not read its input.
    if (written >= 0) text.remove_prefix(static_cast<std::size_t>(written));
    if (written < 0 || text.empty()) input_.reset();
  }

  void drain(std::string& output) {
    std::array<char, 16384> buffer{};
    const auto got = ::read(output_.value(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) output_.reset();
    if (got > 0) output.append(buffer.data(), static_cast<std::size_t>(got));
  }

  pid_t pid_ = -1;
  bool running_ = false;
  UniqueFd input_;
  UniqueFd output_;
};

[[noreturn]] void failWith(const std::string& path, const std::string& output, int status) {
  const std::string how = WIFSIGNALED(status)
                              ? "was killed by signal " + std::to_string(WTERMSIG(status))
                              : "exited with status " + std::to_string(WEXITSTATUS(status));
  try {
    throw conf::CniFailure(conf::parseError(output));
  } catch (const conf::ConfigError&) {
    throw conf::CniFailure(conf::CniCode::Ipam, path + " " + how, "its output: " + output);
  }
}

}  // namespace

std::string runIpamPlugin(const Request& request, conf::CniCommand command,
                          std::chrono::milliseconds patience) {
  const auto path = findPlugin(request);
  Process process(path, command);
  std::string output;
  if (!process.converse(request.configText, output, Clock::now() + patience))
    throw conf::CniFailure(conf::CniCode::Ipam, path + " did not finish in time and was killed");
  const int status = process.wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) failWith(path, output, status);
  return output;
}

}  // namespace kpol::plugin
