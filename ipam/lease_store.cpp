// SPDX-License-Identifier: Apache-2.0
#include "ipam/lease_store.hpp"

#include "base/error.hpp"
#include "ipam/directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace kpol::ipam {
namespace {

// The file is rewritten when it has more than this number of lines besides two for each lease and
// pending release.
constexpr std::size_t kHistory = 256;
constexpr int kReadAttempts = 3;

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

void takeLockOf(const base::UniqueFd& fd, const std::string& stateDir,
                std::chrono::milliseconds patience) {
  takeLock(stateDir + "/ipam/lock", patience,
           [&] { return ::flock(fd.value(), LOCK_EX | LOCK_NB) == 0; });
}

// Reads the journal. Adds the path and advice for the user to a JournalError.
Journal understood(const std::string& path, std::string_view text, std::string_view bootId) {
  try {
    return readJournal(text, bootId);
  } catch (const JournalError& error) {
    throw JournalError(path + " " + error.what() + "; drain the node, then delete the file");
  }
}

}  // namespace

LeaseStore LeaseStore::open(const std::string& stateDir, std::chrono::milliseconds patience) {
  LeaseStore store;
  store.directory_ = stateDir + "/ipam";
  store.bootId_ = readBootId();
  store.lock_ = openLockFile(stateDir, "lock");
  takeLockOf(store.lock_, stateDir, patience);
  store.load();
  return store;
}

std::vector<base::IpAddress> LeaseStore::lastGiven(const std::string& network) const {
  const auto found = book_.lastGiven.find(network);
  return found == book_.lastGiven.end() ? std::vector<base::IpAddress>{} : found->second;
}

void LeaseStore::load() {
  const std::string path = directory_ + "/leases";
  journal_ = openFile(path, O_RDWR | O_APPEND);
  const auto text = journal_ ? readAll(journal_.value(), path) : std::string();
  auto journal = understood(path, text, bootId_);
  book_ = std::move(journal.book);
  const std::int64_t now = std::time(nullptr);
  for (auto& [ip, time] : book_.freed)
    if (time == 0) time = now;
  isCurrent_ = journal.isCurrent;
  if (!isCurrent_) return;
  if (journal.complete < text.size() &&
      ::ftruncate(journal_.value(), static_cast<off_t>(journal.complete)) != 0)
    throw base::SystemError("truncate " + path, errno);
  journalSize_ = journal.complete;
  lines_ = journal.lines;
}

void LeaseStore::append(const std::string& line) {
  if (!isCurrent_) rewrite();
  const auto written = ::write(journal_.value(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) {
    journalSize_ += line.size();
    lines_ += static_cast<std::size_t>(std::count(line.begin(), line.end(), '\n'));
    return;
  }
  const int code = written < 0 ? errno : ENOSPC;
  // Even if this fails, the next open() truncates the incomplete line, because it has no newline.
  if (written > 0 && ::ftruncate(journal_.value(), static_cast<off_t>(journalSize_)) != 0)
    throw base::SystemError("truncate " + directory_ + "/leases", errno);
  throw base::SystemError("write " + directory_ + "/leases", code);
}

// Appends `line`. If the disk is full, overwrites the beginning of the line `known` with `mark`;
// then that addresses rest is not recorded.
void LeaseStore::record(const std::string& line, const std::string& known, std::string_view mark) {
  try {
    append(line);
  } catch (const base::SystemError& error) {
    if (!isFull(error.code()) || !overwrite(known, mark)) throw;
  }
}

// Returns false if the journal has no such line.
bool LeaseStore::overwrite(const std::string& known, std::string_view mark) {
  const std::string path = directory_ + "/leases";
  // Another descriptor: with O_APPEND, pwrite(2) ignores the offset.
  const auto fd = openFile(path, O_RDWR);
  if (!fd) return false;
  // The last one, because earlier ones are history.
  const auto place = readAll(fd.value(), path).rfind('\n' + known);
  if (place == std::string::npos) return false;
  const auto written =
      ::pwrite(fd.value(), mark.data(), mark.size(), static_cast<off_t>(place) + 1);
  if (written != static_cast<ssize_t>(mark.size()))
    throw base::SystemError("write " + path, written < 0 ? errno : ENOSPC);
  return true;
}

void LeaseStore::makeRoom() {
  const auto needed = 2 * (book_.leases.size() + book_.departures.size()) + kHistory;
  if (lines_ <= needed) return;
  forgetRested();
  if (lines_ > needed + 2 * book_.freed.size()) rewrite();
}

// A time in the future is one of before the clock was set back.
std::map<base::IpAddress, std::int64_t> LeaseStore::resting() const {
  const std::int64_t now = std::time(nullptr);
  std::map<base::IpAddress, std::int64_t> all;
  for (const auto& [ip, time] : book_.freed)
    if (std::abs(now - time) < kRestSeconds) all.emplace(ip, time);
  return all;
}

void LeaseStore::forgetRested() {
  book_.freed = resting();
}

void LeaseStore::rest(const std::vector<base::IpAddress>& addresses, std::int64_t time) {
  for (const auto& ip : addresses) book_.freed[ip] = time;
}

void LeaseStore::rewrite() {
  forgetRested();
  std::size_t lines = 0;
  const std::string text = journalHeader(bootId_) + printBook(book_, lines);
  const std::string path = directory_ + "/leases";
  const std::string temporary = path + ".new";
  // Releases need this file, and could not create it on a full disk.
  openFile(directory_ + "/" + kSettleLock, O_RDWR | O_CREAT);
  base::UniqueFd fd(
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) throw base::SystemError("open " + temporary, errno);
  const auto written = ::write(fd.value(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size()))
    throw base::SystemError("write " + temporary, written < 0 ? errno : ENOSPC);
  // fsync is needed here: the rename may reach the disk before the text.
  if (::fdatasync(fd.value()) != 0) throw base::SystemError("write " + temporary, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    throw base::SystemError("rename " + temporary, errno);
  journal_ = std::move(fd);
  journalSize_ = text.size();
  lines_ = lines;
  isCurrent_ = true;
}

void LeaseStore::add(const Lease& lease) {
  base::expects(!book_.leases.contains(lease.id), "one lease for each attachment");
  makeRoom();
  append(giveLine(lease));
  book_.leases.emplace(lease.id, lease);
  book_.lastGiven[lease.network] = lease.addresses;
}

bool LeaseStore::remove(const conf::AttachmentId& id) {
  const auto found = book_.leases.find(id);
  if (found == book_.leases.end()) return false;
  const auto& addresses = found->second.addresses;
  const std::int64_t now = std::time(nullptr);
  record(freeLine(id) + restLine(addresses, now), giveLine(found->second), kFreedGive);
  rest(addresses, now);
  book_.leases.erase(found);
  return true;
}

bool LeaseStore::depart(const conf::AttachmentId& id, base::IfIndex link) {
  const auto found = book_.leases.find(id);
  if (found == book_.leases.end()) return false;
  record(leaveLine(id, link), giveLine(found->second), kLeftGive);
  book_.departures.push_back({std::move(found->second), link});
  book_.leases.erase(found);
  return true;
}

// The release is in a `leave` line, or in a `give` line that a full disk let DEL mark only.
void LeaseStore::recordGone(const Departure& departure, const std::string& resting) {
  auto marked = giveLine(departure.lease);
  marked.replace(0, kLeftGive.size(), kLeftGive);
  try {
    record(goneLine(departure) + resting, marked, kFreedGive);
  } catch (const base::SystemError& error) {
    const auto leave = leaveLine(departure.lease.id, departure.link);
    if (!isFull(error.code()) || !overwrite(leave, kGoneLeave)) throw;
  }
}

void LeaseStore::settle(const Departure& departure) {
  const auto found = std::find(book_.departures.begin(), book_.departures.end(), departure);
  if (found == book_.departures.end()) return;
  const std::int64_t now = std::time(nullptr);
  recordGone(departure, restLine(departure.lease.addresses, now));
  rest(departure.lease.addresses, now);
  book_.departures.erase(found);
}

void LeaseStore::noteRanges(const std::string& network,
                            const std::vector<conf::IpRangeSet>& ranges) {
  const auto known = book_.ranges.find(network);
  if (known != book_.ranges.end() && known->second == ranges) return;
  append(rangesLine(network, ranges));
  book_.ranges[network] = ranges;
}

LeaseBook readLeases(const std::string& stateDir) {
  const std::string path = stateDir + "/ipam/leases";
  const auto bootId = readBootId();
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    const auto fd = openFile(path, O_RDONLY);
    if (!fd) return {};
    try {
      return readJournal(readAll(fd.value(), path), bootId).book;
    } catch (const JournalError&) {
      // An incomplete line was truncated and another one appended while we read. Read again.
    }
  }
  const auto lock = openLockFile(stateDir, "lock");
  takeLockOf(lock, stateDir, std::chrono::seconds(1));
  const auto fd = openFile(path, O_RDONLY);
  if (!fd) return {};
  return understood(path, readAll(fd.value(), path), bootId).book;
}

}  // namespace kpol::ipam
