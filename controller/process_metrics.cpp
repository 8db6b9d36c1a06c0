// SPDX-License-Identifier: Apache-2.0
#include "controller/process_metrics.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace kpol::controller {
namespace {

double secondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::optional<double> cpuSeconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return std::nullopt;
  return secondsOf(usage.ru_utime) + secondsOf(usage.ru_stime);
}

struct Memory {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
};
std::optional<Memory> memory() {
  std::ifstream file("/proc/self/statm");  // in pages, proc(5)
  Memory pages;
  if (!(file >> pages.size >> pages.resident)) return std::nullopt;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return Memory{pages.size * page, pages.resident * page};
}

std::optional<std::uint64_t> openDescriptors() {
  std::error_code error;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator file("/proc/self/fd", error), end; !error && file != end;
       file.increment(error))
    ++count;
  if (error || count == 0) return std::nullopt;
  return count - 1;  // without the descriptor of the listing itself
}

std::optional<std::uint64_t> mostDescriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return limit.rlim_cur;
}

template <class Value>
void add(Exposition::Family family, const std::optional<Value>& value) {
  if (value) family.sample(*value);
}

}  // namespace

void addProcess(std::chrono::system_clock::time_point startedAt, Exposition& exposition) {
  add(exposition.counter("process_cpu_seconds_total",
                         "Total user and system CPU time spent in seconds."),
      cpuSeconds());
  const auto used = memory();
  add(exposition.gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
      used ? std::optional(used->resident) : std::nullopt);
  add(exposition.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
      used ? std::optional(used->size) : std::nullopt);
  add(exposition.gauge("process_open_fds", "Number of open file descriptors."), openDescriptors());
  add(exposition.gauge("process_max_fds", "Maximum number of open file descriptors."),
      mostDescriptors());
  const double since = std::chrono::duration<double>(startedAt.time_since_epoch()).count();
  exposition
      .gauge("process_start_time_seconds", "Start time of the process since the epoch in seconds.")
      .sample(since);
}

}  // namespace kpol::controller
