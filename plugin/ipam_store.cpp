// SPDX-License-Identifier: Apache-2.0
#include "plugin/ipam_store.hpp"

#include "base/error.hpp"
#include "conf/cni_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <thread>

namespace kpol::plugin {
namespace {

constexpr std::string_view kFormat = "kpol-leases 1 ";
// History beyond this and beyond the number of leases makes rewriting worth while.
constexpr std::size_t kHistory = 256;

using Clock = std::chrono::steady_clock;

// Lines: "give CONTAINER IFNAME NETWORK NS/NAME TIME ADDRESS,…", "free CONTAINER IFNAME",
// "last NETWORK ADDRESS,…" (what `give` lines that were left out would have told).
std::string print(const std::vector<base::IpAddress>& addresses) {
  std::string text;
  for (const auto& address : addresses) {
    if (!text.empty()) text += ',';
    text += toString(address);
  }
  return text;
}

std::string giveLine(const Lease& lease) {
  return "give " + lease.id.containerId + ' ' + lease.id.ifName + ' ' + lease.network + ' ' +
         toString(lease.pod) + ' ' + std::to_string(lease.time) + ' ' + print(lease.addresses) +
         '\n';
}

template <std::size_t N>
std::optional<std::array<std::string_view, N>> words(std::string_view line) {
  std::array<std::string_view, N> result;
  for (std::size_t i = 0; i < N; ++i) {
    const auto end = line.find(' ');
    if ((end == line.npos) != (i + 1 == N)) return std::nullopt;
    result[i] = line.substr(0, end);
    if (result[i].empty()) return std::nullopt;
    line.remove_prefix(std::min(line.size(), result[i].size() + 1));
  }
  return result;
}

std::optional<std::vector<base::IpAddress>> parseAddresses(std::string_view text) {
  std::vector<base::IpAddress> addresses;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    const auto address = base::IpAddress::parse(part);
    if (!address) return std::nullopt;
    addresses.push_back(*address);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return addresses;
}

std::optional<Lease> parseGive(std::string_view line) {
  const auto word = words<7>(line);
  if (!word) return std::nullopt;
  const auto& [verb, container, ifName, network, pod, time, ips] = *word;
  const auto slash = pod.find('/');
  auto addresses = parseAddresses(ips);
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(time.data(), time.data() + time.size(), seconds);
  if (slash == pod.npos || !addresses || failed != std::errc{} || end != time.data() + time.size())
    return std::nullopt;
  return Lease{{std::string(container), std::string(ifName)},
               std::string(network),
               {std::string(pod.substr(0, slash)), std::string(pod.substr(slash + 1))},
               seconds,
               std::move(*addresses)};
}

[[noreturn]] void refuseLine(const std::string& directory, std::string_view line) {
  throw StoreError(directory + "/leases has a line that kpol did not write: " + std::string(line) +
                   "; stop the pods of this node and remove the file");
}

void makeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return;
  if (errno != ENOENT || path.find('/', 1) == path.npos)
    throw base::SystemError("make directory " + path, errno);
  makeDirectory(path.substr(0, path.rfind('/')));
  makeDirectory(path);
}

base::UniqueFd openFile(const std::string& path, int flags) {
  base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!fd && errno != ENOENT) throw base::SystemError("open " + path, errno);
  return fd;
}

std::string readAll(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw base::SystemError("stat " + path, errno);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const auto got = ::pread(fd, text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw base::SystemError("read " + path, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

std::string readBootId() {
  static constexpr const char* kPath = "/proc/sys/kernel/random/boot_id";
  const auto fd = openFile(kPath, O_RDONLY);
  std::array<char, 64> text{};
  const auto got = fd ? ::read(fd.value(), text.data(), text.size()) : -1;
  if (got <= 1) throw base::SystemError(std::string("read ") + kPath, errno);
  return {text.data(), static_cast<std::size_t>(got) - 1};
}

// flock(2) can wait, but not with a limit; the lock is held for well under a millisecond.
void takeLock(int fd, const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  auto pause = std::chrono::microseconds(200);
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw base::SystemError("lock " + path, errno);
    if (Clock::now() >= deadline)
      throw conf::CniFailure(conf::CniCode::TryAgain,
                             "the lock " + path + " is held by another kpol",
                             "look for a kpol process that hangs");
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5000));
  }
}

}  // namespace

IpamStore IpamStore::open(const std::string& stateDir, std::chrono::milliseconds patience) {
  IpamStore store;
  store.directory_ = stateDir + "/ipam";
  store.bootId_ = readBootId();
  const std::string lockPath = store.directory_ + "/lock";
  store.lock_ = openFile(lockPath, O_RDWR | O_CREAT);
  if (!store.lock_) {
    makeDirectory(store.directory_);
    store.lock_ = openFile(lockPath, O_RDWR | O_CREAT);
  }
  if (!store.lock_) throw base::SystemError("open " + lockPath, ENOENT);
  takeLock(store.lock_.value(), lockPath, patience);
  store.load();
  return store;
}

std::vector<base::IpAddress> IpamStore::lastGiven(const std::string& network) const {
  const auto found = lastGiven_.find(network);
  return found == lastGiven_.end() ? std::vector<base::IpAddress>{} : found->second;
}

void IpamStore::load() {
  const std::string path = directory_ + "/leases";
  journal_ = openFile(path, O_RDWR | O_APPEND);
  const auto text = journal_ ? readAll(journal_.value(), path) : std::string();
  const auto complete = text.rfind('\n') + 1;  // npos + 1 is 0
  const auto header = std::string(kFormat) + bootId_ + '\n';
  // What another boot left, whatever it looks like: a power cut may have put anything there.
  if (!text.starts_with(header)) {
    const bool ours = text.empty() || text.front() == '\0' || text.starts_with(kFormat);
    if (!ours)
      throw StoreError(path +
                       " is not a file of leases that this kpol can read; stop the pods of "
                       "this node and remove it");
    rewrite();
    return;
  }
  if (complete < text.size() && ::ftruncate(journal_.value(), static_cast<off_t>(complete)) != 0)
    throw base::SystemError("truncate " + path, errno);
  journalSize_ = complete;
  replay(std::string_view(text).substr(header.size(), complete - header.size()));
}

void IpamStore::replay(std::string_view journal) {
  // IDs as one text, "CONTAINER IFNAME", so that most of the history is never turned into leases.
  std::map<std::string_view, std::string_view> gives;
  std::map<std::string_view, std::string_view> last;
  while (!journal.empty()) {
    const auto line = journal.substr(0, journal.find('\n'));
    journal.remove_prefix(line.size() + 1);
    ++lines_;
    if (const auto give = words<7>(line); give && give->front() == "give") {
      const std::string_view id(give->at(1).data(), give->at(1).size() + 1 + give->at(2).size());
      if (!gives.emplace(id, line).second) refuseLine(directory_, line);
      last[give->at(3)] = give->at(6);
    } else if (line.starts_with("free ")) {
      if (gives.erase(line.substr(5)) == 0) refuseLine(directory_, line);
    } else if (const auto words3 = words<3>(line); words3 && words3->front() == "last") {
      last[words3->at(1)] = words3->at(2);
    } else {
      refuseLine(directory_, line);
    }
  }
  for (const auto& [id, line] : gives) {
    auto lease = parseGive(line);
    if (!lease) refuseLine(directory_, line);
    leases_.emplace(lease->id, *lease);
  }
  for (const auto& [network, ips] : last) {
    auto addresses = parseAddresses(ips);
    if (!addresses) refuseLine(directory_, ips);
    lastGiven_.emplace(network, std::move(*addresses));
  }
}

void IpamStore::append(const std::string& line) {
  const auto written = ::write(journal_.value(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) {
    journalSize_ += line.size();
    ++lines_;
    return;
  }
  const int code = written < 0 ? errno : ENOSPC;
  // The half line has no newline and would be cut off by the next reader anyway.
  if (written > 0 && ::ftruncate(journal_.value(), static_cast<off_t>(journalSize_)) != 0)
    throw base::SystemError("truncate " + directory_ + "/leases", errno);
  throw base::SystemError("write " + directory_ + "/leases", code);
}

void IpamStore::rewrite() {
  std::string text = std::string(kFormat) + bootId_ + '\n';
  for (const auto& [id, lease] : leases_) text += giveLine(lease);
  // After them, because each `give` tells what its network was given last.
  for (const auto& [network, addresses] : lastGiven_)
    text += "last " + network + ' ' + print(addresses) + '\n';

  const std::string path = directory_ + "/leases";
  const std::string temporary = path + ".new";
  base::UniqueFd fd(
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) throw base::SystemError("open " + temporary, errno);
  journal_ = std::move(fd);
  journalSize_ = 0;
  append(text);
  lines_ = leases_.size() + lastGiven_.size();
  // Here it counts: a rename may reach the disk before the text does.
  if (::fdatasync(journal_.value()) != 0) throw base::SystemError("write " + temporary, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    throw base::SystemError("rename " + temporary, errno);
}

void IpamStore::add(const Lease& lease) {
  base::expects(!leases_.contains(lease.id), "one lease for each attachment");
  if (lines_ > 2 * leases_.size() + kHistory) rewrite();
  append(giveLine(lease));
  leases_.emplace(lease.id, lease);
  lastGiven_[lease.network] = lease.addresses;
}

bool IpamStore::remove(const conf::AttachmentId& id) {
  const auto found = leases_.find(id);
  if (found == leases_.end()) return false;
  append("free " + id.containerId + ' ' + id.ifName + '\n');
  leases_.erase(found);
  return true;
}

}  // namespace kpol::plugin
