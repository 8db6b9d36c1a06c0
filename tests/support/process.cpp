// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

extern char** environ;

namespace kpol::test {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Descriptors {
  int in = -1;
  int out = -1;
  int err = -1;
};

pid_t spawn(const std::vector<std::string>& argv, const Environment& extra, Descriptors fds) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) environment.push_back(text);
  }
  for (const auto& [name, value] : extra) environment.push_back(name + "=" + value);

  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
  };
  const auto arguments = pointers(argv);
  const auto variables = pointers(environment);
  const pid_t pid = fork();
  if (pid < 0) throw base::SystemError("start " + argv[0], errno);
  if (pid > 0) return pid;
  // No child outlives a test that crashes.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(fds.in, 0);
  dup2(fds.out, 1);
  dup2(fds.err, 2);
  execvpe(argv[0].c_str(), arguments.data(), variables.data());
  _exit(127);
}

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_CLOEXEC) < 0) throw base::SystemError("make a pipe", errno);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  base::UniqueFd read;
  base::UniqueFd write;
};

int exitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Reads what is there; closes `fd` at its end.
void drain(base::UniqueFd& fd, std::string& into) {
  std::array<char, 65536> buffer{};
  const auto size = ::read(fd.value(), buffer.data(), buffer.size());
  if (size > 0)
    into.append(buffer.data(), static_cast<std::size_t>(size));
  else
    fd.reset();
}

void feed(base::UniqueFd& fd, const std::string& input, std::size_t& sent) {
  const auto size = ::write(fd.value(), input.data() + sent, input.size() - sent);
  if (size < 0 || (sent += static_cast<std::size_t>(size)) == input.size()) fd.reset();
}

}  // namespace

ProcessResult run(const std::vector<std::string>& argv, const std::string& input,
                  const Environment& extra) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe in;
  Pipe out;
  Pipe err;
  const pid_t pid = spawn(argv, extra, {in.read.value(), out.write.value(), err.write.value()});
  in.read.reset();
  out.write.reset();
  err.write.reset();
  fcntl(in.write.value(), F_SETFL, O_NONBLOCK);
  ProcessResult result;
  std::size_t sent = 0;
  if (input.empty()) in.write.reset();
  const auto deadline = Clock::now() + 60s;
  while ((out.read || err.read) && Clock::now() < deadline) {
    std::array<pollfd, 3> fds{pollfd{in.write.value(), POLLOUT, 0},
                              pollfd{out.read.value(), POLLIN, 0},
                              pollfd{err.read.value(), POLLIN, 0}};
    poll(fds.data(), fds.size(), 100);
    if (fds[0].revents != 0) feed(in.write, input, sent);
    if (fds[1].revents != 0) drain(out.read, result.out);
    if (fds[2].revents != 0) drain(err.read, result.err);
  }
  if (out.read || err.read) kill(pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  result.status = exitCode(status);
  return result;
}

Background::Background(const std::vector<std::string>& argv, const std::string& outputFile,
                       const Environment& extra) {
  const base::UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const base::UniqueFd output(
      open(outputFile.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  pid_ = spawn(argv, extra, {null.value(), output.value(), output.value()});
}

Background::~Background() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  wait();
}

bool Background::running() {
  if (status_ >= 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = exitCode(status);
  return false;
}

void Background::signal(int number) const {
  kill(pid_, number);
}

int Background::wait() {
  const auto deadline = Clock::now() + 20s;
  while (running()) {
    if (Clock::now() > deadline) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(2ms);
  }
  return status_;
}

}  // namespace kpol::test
