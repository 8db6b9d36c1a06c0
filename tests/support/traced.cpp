// SPDX-License-Identifier: Apache-2.0
#include "tests/support/traced.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <map>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>

namespace kpol::test {
namespace {

constexpr std::chrono::seconds kPatience{60};

struct Known {
  long number;
  const char* name;
  bool changes;  // something outside the process
};
constexpr std::array kKnown{
    Known{SYS_openat, "openat", true},
    Known{SYS_open, "open", true},
    Known{SYS_read, "read", false},
    Known{SYS_pread64, "pread64", false},
    Known{SYS_write, "write", true},
    Known{SYS_pwrite64, "pwrite64", true},
    Known{SYS_ftruncate, "ftruncate", true},
    Known{SYS_fsync, "fsync", true},
    Known{SYS_fdatasync, "fdatasync", true},
    Known{SYS_rename, "rename", true},
    Known{SYS_renameat, "renameat", true},
    Known{SYS_renameat2, "renameat2", true},
    Known{SYS_unlink, "unlink", true},
    Known{SYS_unlinkat, "unlinkat", true},
    Known{SYS_mkdir, "mkdir", true},
    Known{SYS_mkdirat, "mkdirat", true},
    Known{SYS_flock, "flock", true},
    Known{SYS_fcntl, "fcntl", true},
    Known{SYS_setns, "setns", true},
    Known{SYS_unshare, "unshare", true},
    Known{SYS_mount, "mount", true},
    Known{SYS_socket, "socket", true},
    Known{SYS_bind, "bind", true},
    Known{SYS_connect, "connect", true},
    Known{SYS_sendto, "sendto", true},
    Known{SYS_sendmsg, "sendmsg", true},
    Known{SYS_recvfrom, "recvfrom", false},
    Known{SYS_recvmsg, "recvmsg", false},
    Known{SYS_fork, "fork", true},
    Known{SYS_vfork, "vfork", true},
    Known{SYS_clone, "clone", true},
    Known{SYS_clone3, "clone3", true},
    Known{SYS_close, "close", true},
    Known{SYS_setsockopt, "setsockopt", false},
    Known{SYS_getsockname, "getsockname", false},
    Known{SYS_ioctl, "ioctl", false},
    Known{SYS_poll, "poll", false},
    Known{SYS_fstat, "fstat", false},
    Known{SYS_newfstatat, "newfstatat", false},
    Known{SYS_close_range, "close_range", false},
};

const Known* find(std::uint64_t number) {
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) {
    return static_cast<std::uint64_t>(k.number) == number;
  });
  return known == kKnown.end() ? nullptr : known;
}

base::UniqueFd memoryFile(const std::string& text) {
  base::UniqueFd fd(::memfd_create("traced", MFD_CLOEXEC));
  if (!fd) throw base::SystemError("memfd_create", errno);
  if (::pwrite(fd.value(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw base::SystemError("write a memory file", errno);
  return fd;
}

std::string contentsOf(const base::UniqueFd& fd) {
  std::string text(static_cast<std::size_t>(::lseek(fd.value(), 0, SEEK_END)), '\0');
  if (::pread(fd.value(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    throw base::SystemError("read a memory file", errno);
  return text;
}

// A seccomp filter that stops a traced process at the calls of kKnown only. All others, such as the
// memory calls of the sanitizers, run at full speed.
void stopAtKnownCalls() {
  std::vector<sock_filter> filter{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  auto toTrace = static_cast<std::uint8_t>(kKnown.size());  // instructions up to the last
  for (const auto& known : kKnown)
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(known.number),
                              toTrace--, 0));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    ::_exit(126);
}

// In the child: from here on the parent traces it.
void submit() {
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  stopAtKnownCalls();
}

// Calls `act` once, in another thread, unless it is destroyed within kPatience.
class Watchdog {
 public:
  template <class Act>
  explicit Watchdog(Act act)
      : thread_([this, act](const std::stop_token& stopping) {
          std::unique_lock lock(mutex_);
          changed_.wait_for(lock, stopping, kPatience, [] { return false; });
          if (!stopping.stop_requested()) act();
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: ends before what it uses
};

// Follows a program and its forks until the last has ended.
class Tracer {
 public:
  Tracer(pid_t child, bool watchFromStart, const Watch& watch)
      : main_(child), watching_(watchFromStart), watch_(watch) {
    int status = 0;
    if (::waitpid(child, &status, __WALL) != child || !WIFSTOPPED(status))
      throw base::SystemError("trace a program", errno);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK |
                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACESECCOMP);
    resume(child, processOf(child), 0);
  }

  // The main program's exit code, or 128 + signal.
  int run() {
    const Watchdog watchdog([this] {
      const std::lock_guard lock(mutex_);
      for (const auto& [pid, process] : processes_) ::kill(pid, SIGKILL);
    });
    int exitCode = -1;
    while (!processes_.empty()) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, __WALL);
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) break;
      if (WIFSTOPPED(status)) {
        stopped(pid, status);
        continue;
      }
      const std::lock_guard lock(mutex_);
      processes_.erase(pid);
      if (pid == main_) exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return exitCode;
  }

 private:
  struct Process {
    TracedCall call;
    bool inCall = false;  // between the entry and the exit of a watched call
    bool failing = false;
    int error = 0;
  };

  static void resume(pid_t pid, const Process& process, int signal) {
    ::ptrace(process.inCall ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr,
             static_cast<long>(signal));
  }

  Process& processOf(pid_t pid) {
    const std::lock_guard lock(mutex_);
    return processes_[pid];
  }

  void stopped(pid_t pid, int status) {
    const int signal = WSTOPSIG(status);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
      // It counts from now on: its parent may end before it first stops.
      unsigned long child = 0;
      ::ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &child);
      processOf(static_cast<pid_t>(child));
    }
    auto& process = processOf(pid);  // a new one may stop before its parent reports it
    int pass = 0;
    if (event == PTRACE_EVENT_SECCOMP || signal == (SIGTRAP | 0x80))
      atCall(pid, process);
    else if (signal != SIGTRAP && signal != SIGSTOP)
      pass = signal;
    resume(pid, process, pass);
  }

  void atCall(pid_t pid, Process& process) {
    __ptrace_syscall_info info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return;
    auto& call = process.call;
    if (info.op == PTRACE_SYSCALL_INFO_SECCOMP) {
      call = {pid, info.seccomp.nr, {}, false, 0};
      std::copy(std::begin(info.seccomp.args), std::end(info.seccomp.args), call.arguments.begin());
      if (call.number == SYS_read && call.arguments[0] == 0) watching_ = true;
      process.inCall = watching_;
    } else {
      process.inCall = false;
      call.isExit = true;
      call.result = info.exit.rval;
      if (process.failing) setResult(pid, process);
    }
    if (!watching_) return;
    const auto decision = watch_(call);
    if (decision.what == Interference::Kill) ::kill(pid, SIGKILL);
    if (decision.what == Interference::Fail && !call.isExit) suppress(pid, process, decision.error);
  }

  static void suppress(pid_t pid, Process& process, int error) {
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
    registers.orig_rax = static_cast<unsigned long long>(-1);
    ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    process.failing = true;
    process.error = error;
  }

  static void setResult(pid_t pid, Process& process) {
    user_regs_struct registers{};
    ::ptrace(PTRACE_GETREGS, pid, nullptr, &registers);
    registers.rax = static_cast<unsigned long long>(-static_cast<long long>(process.error));
    ::ptrace(PTRACE_SETREGS, pid, nullptr, &registers);
    process.call.result = -process.error;
    process.failing = false;
  }

  pid_t main_;
  bool watching_;
  const Watch& watch_;
  std::mutex mutex_;  // the set of processes: the watchdog reads it
  std::map<pid_t, Process> processes_;
};

}  // namespace

const char* TracedCall::name() const {
  const auto* known = find(number);
  return known == nullptr ? "" : known->name;
}

std::string TracedCall::bytes(std::uint64_t address, std::size_t size) const {
  std::string read(size, '\0');
  const iovec local{read.data(), size};
  const iovec remote{reinterpret_cast<void*>(address), size};
  const auto got = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
  read.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return read;
}

std::string TracedCall::text(std::size_t argument) const {
  std::string read;
  for (auto address = arguments.at(argument);; ++address) {
    const auto letter = bytes(address, 1);
    if (letter.empty() || letter[0] == '\0') return read;
    read += letter;
  }
}

ProcessResult runTraced(const std::vector<std::string>& argv, const std::string& input,
                        const Environment& extra, const Watch& watch) {
  const auto in = memoryFile(input);
  const auto out = memoryFile({});
  const auto err = memoryFile({});
  const pid_t child = ::fork();
  if (child < 0) throw base::SystemError("fork", errno);
  if (child == 0) {
    submit();
    ::dup2(in.value(), 0);
    ::dup2(out.value(), 1);
    ::dup2(err.value(), 2);
    // Leaks cannot be looked for under ptrace(2).
    ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
    for (const auto& [name, value] : extra) ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> arguments;
    for (const auto& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ProcessResult result;
  result.status = Tracer(child, false, watch).run();
  result.out = contentsOf(out);
  result.err = contentsOf(err);
  return result;
}

int runTraced(const std::function<void()>& body, const Watch& watch) {
  const pid_t child = ::fork();
  if (child < 0) throw base::SystemError("fork", errno);
  if (child == 0) {
    submit();
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  return Tracer(child, true, watch).run();
}

bool changesTheWorld(const TracedCall& call) {
  const auto* known = find(call.number);
  return known != nullptr && known->changes;
}

Decision FaultPoint::operator()(const TracedCall& call) {
  if (reached() || call.isExit != (moment_ == Moment::Exit) || !counts_(call)) return {};
  if (seen_++ != at_) return {};
  where_ = call.name();
  return decision_;
}

}  // namespace kpol::test
