// SPDX-License-Identifier: Apache-2.0
// Runs the process of an exec credential plugin.
#include "base/async/event.hpp"
#include "base/async/race.hpp"
#include "base/async/readable.hpp"
#include "base/unique_fd.hpp"
#include "kube/api_error.hpp"
#include "kube/exec_credential.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

namespace kpol::kube {
namespace {

using base::Task;

constexpr auto kPatience = std::chrono::minutes(1);
constexpr std::size_t kLongestAnswer = std::size_t{1} << 20U;

[[noreturn]] void fail(const ExecPlugin& plugin, const std::string& what) {
  throw ApiError("exec plugin " + plugin.command + ": " + what);
}

// KEY=VALUE lines: our environment, overridden by the plugin's own variables and
// KUBERNETES_EXEC_INFO.
std::vector<std::string> environmentOf(const ExecPlugin& plugin) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != text.npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, value] : plugin.environment) variables[name] = value;
  const nlohmann::json question{{"apiVersion", plugin.apiVersion},
                                {"kind", "ExecCredential"},
                                {"spec", {{"interactive", false}}}};
  variables["KUBERNETES_EXEC_INFO"] = question.dump();
  std::vector<std::string> lines;
  for (const auto& [name, value] : variables) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct FileActions {
  posix_spawn_file_actions_t value;
  FileActions() { posix_spawn_file_actions_init(&value); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&value); }
};

// A child process that is killed with its owner.
class Child {
 public:
  Child(const ExecPlugin& plugin, int output) {
    std::vector<std::string> arguments = plugin.arguments;
    arguments.insert(arguments.begin(), plugin.command);
    std::vector<std::string> environment = environmentOf(plugin);
    FileActions actions;
    posix_spawn_file_actions_addopen(&actions.value, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions.value, output, 1);
    posix_spawn_file_actions_addclosefrom_np(&actions.value, 3);  // Asio's sockets have no CLOEXEC
    const int error = ::posix_spawnp(&pid_, plugin.command.c_str(), &actions.value, nullptr,
                                     pointersTo(arguments).data(), pointersTo(environment).data());
    if (error != 0) fail(plugin, std::string("cannot be run: ") + std::strerror(error));
    exit_ = base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (exit_) return;
    const std::string why = std::strerror(errno);
    end();
    fail(plugin, "cannot be waited for: " + why);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) end();
  }
  [[nodiscard]] int exitFd() const { return exit_.value(); }
  int reap() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    return status;
  }

 private:
  void end() {
    ::kill(pid_, SIGKILL);
    reap();
  }

  pid_t pid_ = -1;
  base::UniqueFd exit_;
  bool reaped_ = false;
};

// Reads until the child closes its end of the pipe, or has printed more than kLongestAnswer.
Task<> readAll(int fd, std::string& text) {
  base::Readable readable(co_await base::asio::this_coro::executor, fd);
  for (;;) {
    co_await readable.wait();
    std::array<char, 4096> buffer;
    const auto size = ::read(fd, buffer.data(), buffer.size());
    if (size <= 0 || text.size() > kLongestAnswer) co_return;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

Task<> finish(int output, int exit, std::string& text) {
  co_await readAll(output, text);
  base::Readable readable(co_await base::asio::this_coro::executor, exit);
  co_await readable.wait();
}

}  // namespace

Task<ExecCredential> askExecPlugin(const ExecPlugin& plugin) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(plugin, std::strerror(errno));
  const base::UniqueFd output(ends[0]);
  base::UniqueFd input(ends[1]);
  Child child(plugin, input.value());
  input.reset();
  std::string text;
  const bool finished = co_await base::returnsFirst(finish(output.value(), child.exitFd(), text),
                                                    base::sleepFor(kPatience));
  if (!finished) fail(plugin, "did not exit within a minute and was killed");
  const int status = child.reap();
  if (!WIFEXITED(status)) fail(plugin, "was killed by signal " + std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    fail(plugin, "exited with status " + std::to_string(WEXITSTATUS(status)));
  co_return readExecCredential(text);
}

}  // namespace kpol::kube
