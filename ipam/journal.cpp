// SPDX-License-Identifier: Apache-2.0
#include "ipam/journal.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace kpol::ipam {
namespace {

using base::IpAddress;
using conf::IpRange;
using conf::IpRangeSet;

constexpr std::string_view kFormat = "kpol-leases 3 ";
// The formats without `leave`, `gone` and `ranges`, and without `rest`.
constexpr std::array<std::string_view, 2> kOldFormats = {"kpol-leases 1 ", "kpol-leases 2 "};

std::string print(const std::vector<IpAddress>& addresses) {
  std::string text;
  for (const auto& address : addresses) {
    if (!text.empty()) text += ',';
    text += toString(address);
  }
  return text;
}

std::string print(const IpRange& range) {
  auto text = toString(range.subnet) + '=' + toString(range.first) + '-' + toString(range.last);
  if (range.gateway) text += '!' + toString(*range.gateway);
  return text;
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

// Removes the text up to and including `separator`, and returns it without the separator.
std::string_view cutPart(std::string_view& text, char separator) {
  const auto part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

template <class Number>
std::optional<Number> parseNumber(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::vector<IpAddress>> parseAddresses(std::string_view text) {
  std::vector<IpAddress> addresses;
  if (text.ends_with(',')) return std::nullopt;
  while (!text.empty()) {
    const auto address = IpAddress::parse(cutPart(text, ','));
    if (!address) return std::nullopt;
    addresses.push_back(*address);
  }
  return addresses;
}

std::optional<IpRange> parseRange(std::string_view text) {
  const auto subnet = base::Prefix::parse(cutPart(text, '='));
  const auto first = IpAddress::parse(cutPart(text, '-'));
  const auto last = IpAddress::parse(cutPart(text, '!'));
  if (!subnet || !first || !last) return std::nullopt;
  IpRange range{*subnet, *first, *last, std::nullopt};
  if (text.empty()) return range;
  range.gateway = IpAddress::parse(text);
  if (!range.gateway) return std::nullopt;
  return range;
}

std::optional<std::vector<IpRangeSet>> parseRanges(std::string_view text) {
  std::vector<IpRangeSet> sets;
  while (!text.empty()) {
    auto& set = sets.emplace_back();
    for (auto part = cutPart(text, ';'); !part.empty();) {
      const auto range = parseRange(cutPart(part, ','));
      if (!range) return std::nullopt;
      set.push_back(*range);
    }
  }
  return sets;
}

std::optional<Lease> parseGive(std::string_view line) {
  const auto word = words<7>(line);
  if (!word) return std::nullopt;
  const auto& [verb, container, ifName, network, pod, time, ips] = *word;
  const auto slash = pod.find('/');
  auto addresses = parseAddresses(ips);
  const auto seconds = parseNumber<std::int64_t>(time);
  if (slash == pod.npos || !addresses || !seconds) return std::nullopt;
  return Lease{{std::string(container), std::string(ifName)},
               std::string(network),
               {std::string(pod.substr(0, slash)), std::string(pod.substr(slash + 1))},
               *seconds,
               std::move(*addresses)};
}

[[noreturn]] void refuseLine(std::string_view line) {
  throw JournalError("has a line that kpol cannot parse: " + std::string(line));
}

// Replays the lines as text, so that only lines that are still valid at the end are parsed in full.
class Replay {
 public:
  void take(std::string_view line) {
    const auto verb = line.substr(0, line.find(' '));
    const bool taken = (verb == "give" && give(line)) || (verb == "free" && free(line)) ||
                       (verb == "leave" && leave(line)) || (verb == "gone" && gone(line)) ||
                       (verb == "Give" && leftGive(line)) || (verb == "GIve" && freedGive(line)) ||
                       (verb == "Leave" && goneLeave(line)) ||
                       (verb == "last" && note(last_, line)) || (verb == "rest" && rest(line)) ||
                       (verb == "ranges" && note(ranges_, line));
    if (!taken) refuseLine(line);
  }

  LeaseBook finish() && {
    LeaseBook book;
    for (const auto& [id, line] : gives_) {
      auto lease = leaseOf(line);
      book.leases.emplace(lease.id, std::move(lease));
    }
    for (const auto& leaving : leaving_)
      book.departures.push_back({leaseOf(leaving.give), leaving.link});
    for (const auto& [network, ips] : last_)
      book.lastGiven.emplace(network, required(parseAddresses(ips), ips));
    for (const auto& [network, text] : ranges_)
      book.ranges.emplace(network, required(parseRanges(text), text));
    for (const auto& [ips, time] : rests_)
      for (const auto& ip : required(parseAddresses(ips), ips))
        book.freed[ip] = required(parseNumber<std::int64_t>(time), time);
    return book;
  }

 private:
  struct Leaving {
    std::string_view addresses;
    std::string_view give;
    base::IfIndex link;
  };

  template <class Value>
  static Value required(std::optional<Value> value, std::string_view text) {
    if (!value) refuseLine(text);
    return *std::move(value);
  }
  static Lease leaseOf(std::string_view line) { return required(parseGive(line), line); }

  // The key of gives_ is "CONTAINER IFNAME".
  bool give(std::string_view line) {
    const auto word = words<7>(line);
    if (!word) return false;
    const std::string_view id((*word)[1].data(), (*word)[1].size() + 1 + (*word)[2].size());
    last_[(*word)[3]] = (*word)[6];
    return gives_.emplace(id, line).second;
  }

  bool free(std::string_view line) {
    const auto word = words<3>(line);
    return word && gives_.erase(line.substr(5)) != 0;
  }

  bool leave(std::string_view line) {
    const auto word = words<4>(line);
    if (!word) return false;
    const auto index = parseNumber<std::int32_t>((*word)[3]);
    const auto found = gives_.find({(*word)[1].data(), (*word)[1].size() + 1 + (*word)[2].size()});
    if (!index || *index < 0 || found == gives_.end()) return false;
    leaving_.push_back({(*words<7>(found->second))[6], found->second, {*index}});
    gives_.erase(found);
    return true;
  }

  bool freedGive(std::string_view line) {
    const auto word = words<7>(line);
    if (word) last_[(*word)[3]] = (*word)[6];
    return word.has_value();
  }

  bool leftGive(std::string_view line) {
    if (!freedGive(line)) return false;
    leaving_.push_back({(*words<7>(line))[6], line, {}});
    return true;
  }

  bool goneLeave(std::string_view line) {
    if (!leave(line)) return false;
    leaving_.pop_back();
    return true;
  }

  bool gone(std::string_view line) {
    const auto word = words<2>(line);
    const auto addresses = word ? parseAddresses((*word)[1]) : std::nullopt;
    if (!addresses) return false;
    const auto found = std::find_if(leaving_.begin(), leaving_.end(), [&](const Leaving& leaving) {
      return parseAddresses(leaving.addresses) == addresses;
    });
    if (found == leaving_.end()) return false;
    leaving_.erase(found);
    return true;
  }

  bool rest(std::string_view line) {
    const auto word = words<3>(line);
    if (word) rests_.emplace_back((*word)[1], (*word)[2]);
    return word.has_value();
  }

  static bool note(std::map<std::string_view, std::string_view>& notes, std::string_view line) {
    const auto word = words<3>(line);
    if (word) notes[(*word)[1]] = (*word)[2];
    return word.has_value();
  }

  std::map<std::string_view, std::string_view> gives_;
  std::vector<Leaving> leaving_;
  std::map<std::string_view, std::string_view> last_;
  std::map<std::string_view, std::string_view> ranges_;
  std::vector<std::pair<std::string_view, std::string_view>> rests_;  // addresses, time
};

// Returns when the addresses in a journal of an earlier boot were freed, and the last ones. A power
// failure may have damaged any line, so lines that cannot be parsed are skipped.
LeaseBook readFormer(std::string_view text) {
  LeaseBook book;
  const auto freed = [&](std::string_view ips, std::int64_t time) {
    const auto addresses = parseAddresses(ips).value_or(std::vector<IpAddress>());
    for (const auto& ip : addresses) book.freed[ip] = time;
    return addresses;
  };
  while (!text.empty()) {
    const auto line = cutPart(text, '\n');
    const auto verb = line.substr(0, line.find(' '));
    if (const auto given = words<7>(line); given && verb == "give") {
      if (const auto ips = freed((*given)[6], 0); !ips.empty())
        book.lastGiven[std::string((*given)[3])] = ips;
    } else if (const auto word = words<3>(line); word && verb == "last") {
      if (const auto ips = parseAddresses((*word)[2]))
        book.lastGiven[std::string((*word)[1])] = *ips;
    } else if (word && verb == "rest") {
      freed((*word)[1], parseNumber<std::int64_t>((*word)[2]).value_or(0));
    }
  }
  return book;
}

bool isOldFormatOf(std::string_view text, std::string_view bootId) {
  return std::any_of(kOldFormats.begin(), kOldFormats.end(), [&](std::string_view format) {
    return text.starts_with(std::string(format) + std::string(bootId));
  });
}

// Whether the text is what a power failure can leave of a journal: an empty file, a hole, or a
// journal of an earlier boot. Its header was on disk before its name.
bool isLeftover(std::string_view text) {
  return text.empty() || text.front() == '\0' || text.starts_with(kFormat) ||
         isOldFormatOf(text, "");
}

}  // namespace

std::string journalHeader(std::string_view bootId) {
  return std::string(kFormat) + std::string(bootId) + '\n';
}

Journal readJournal(std::string_view text, std::string_view bootId) {
  Journal journal;
  journal.complete = text.rfind('\n') + 1;  // npos + 1 is 0
  const auto header = journalHeader(bootId);
  journal.isCurrent = text.starts_with(header);
  journal.isOfBoot = journal.isCurrent || isOldFormatOf(text, std::string(bootId) + '\n');
  if (!journal.isOfBoot) {
    if (!isLeftover(text))
      throw JournalError("is not a lease file that this version of kpol can read");
    journal.book = readFormer(text.substr(0, journal.complete));
    return journal;
  }
  Replay replay;
  for (auto rest = text.substr(header.size(), journal.complete - header.size()); !rest.empty();) {
    replay.take(cutPart(rest, '\n'));
    ++journal.lines;
  }
  journal.book = std::move(replay).finish();
  return journal;
}

std::string giveLine(const Lease& lease) {
  return "give " + lease.id.containerId + ' ' + lease.id.ifName + ' ' + lease.network + ' ' +
         toString(lease.pod) + ' ' + std::to_string(lease.time) + ' ' + print(lease.addresses) +
         '\n';
}

std::string freeLine(const conf::AttachmentId& id) {
  return "free " + id.containerId + ' ' + id.ifName + '\n';
}

std::string leaveLine(const conf::AttachmentId& id, base::IfIndex link) {
  return "leave " + id.containerId + ' ' + id.ifName + ' ' + std::to_string(link.value) + '\n';
}

std::string goneLine(const Departure& departure) {
  return "gone " + print(departure.lease.addresses) + '\n';
}

std::string restLine(const std::vector<IpAddress>& addresses, std::int64_t time) {
  return "rest " + print(addresses) + ' ' + std::to_string(time) + '\n';
}

std::string rangesLine(const std::string& network, const std::vector<IpRangeSet>& ranges) {
  std::string text = "ranges " + network + ' ';
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0) text += ';';
    for (std::size_t j = 0; j < ranges[i].size(); ++j)
      text += (j > 0 ? "," : "") + print(ranges[i][j]);
  }
  return text + '\n';
}

std::string printBook(const LeaseBook& book, std::size_t& lines) {
  std::string text;
  for (const auto& departure : book.departures)
    text += giveLine(departure.lease) + leaveLine(departure.lease.id, departure.link);
  for (const auto& [id, lease] : book.leases) text += giveLine(lease);
  // After the `give` lines, because each `give` also sets the last addresses of its network.
  for (const auto& [network, addresses] : book.lastGiven)
    text += "last " + network + ' ' + print(addresses) + '\n';
  for (const auto& [network, ranges] : book.ranges) text += rangesLine(network, ranges);
  for (const auto& [ip, time] : book.freed) text += restLine({ip}, time);
  lines += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  return text;
}

}  // namespace kpol::ipam
