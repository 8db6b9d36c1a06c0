// SPDX-License-Identifier: Apache-2.0
#include "ipam/journal.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::ipam {
namespace {

using test::ip;

constexpr const char* kBoot = "0f1e2d3c-0000-4000-8000-000000000001";

Lease leaseOf(const std::string& id, std::vector<base::IpAddress> ips) {
  return {{id, "eth0"}, "pods", {"shop", id}, 1700000000, std::move(ips)};
}

LeaseBook bookOf(const std::string& lines) {
  const auto journal = readJournal(journalHeader(kBoot) + lines, kBoot);
  EXPECT_TRUE(journal.isOfBoot);
  EXPECT_TRUE(journal.isCurrent);
  return journal.book;
}

TEST(Journal, RecordsALeaseFromAddToRelease) {
  const auto pod = leaseOf("c1", {ip("10.0.0.1"), ip("fd00::1")});
  std::string lines = giveLine(pod);
  EXPECT_EQ(lines, "give c1 eth0 pods shop/c1 1700000000 10.0.0.1,fd00::1\n");
  LeaseBook expected;
  expected.leases = {{pod.id, pod}};
  expected.lastGiven = {{"pods", pod.addresses}};
  EXPECT_EQ(bookOf(lines), expected);

  lines += leaveLine(pod.id, {7});
  expected.leases.clear();
  expected.departures = {{pod, {7}}};
  EXPECT_EQ(bookOf(lines), expected);

  lines += goneLine(expected.departures.front());
  EXPECT_EQ(lines.substr(lines.find("leave")), "leave c1 eth0 7\ngone 10.0.0.1,fd00::1\n");
  expected.departures.clear();
  EXPECT_EQ(bookOf(lines), expected);
}

// A full disk takes no new line, so the old one is changed in its place.
TEST(Journal, LinesMarkedInPlaceRecordReleases) {
  const auto pod = leaseOf("c1", {ip("10.0.0.1"), ip("fd00::1")});
  LeaseBook expected;
  expected.lastGiven = {{"pods", pod.addresses}};
  const auto marked = [](std::string line, std::string_view mark) {
    return line.replace(0, mark.size(), mark);
  };
  EXPECT_EQ(bookOf(marked(giveLine(pod), kFreedGive)), expected);
  EXPECT_EQ(bookOf(giveLine(pod) + marked(leaveLine(pod.id, {7}), kGoneLeave)), expected);

  expected.departures = {{pod, {}}};
  const auto left = marked(giveLine(pod), kLeftGive);
  EXPECT_EQ(bookOf(left), expected);
  expected.departures.clear();
  EXPECT_EQ(bookOf(left + goneLine({pod, {}})), expected);
  EXPECT_EQ(bookOf(marked(left, kFreedGive)), expected);
  EXPECT_TRUE(kFreedGive.starts_with(kLeftGive)) << "a partial overwrite must be valid";
}

TEST(Journal, KeepsSeveralPendingReleasesOfOneAttachment) {
  const auto first = leaseOf("c1", {ip("10.0.0.1")});
  const auto second = leaseOf("c1", {ip("10.0.0.2")});
  const auto third = leaseOf("c1", {ip("10.0.0.3")});
  const auto book = bookOf(giveLine(first) + leaveLine(first.id, {7}) + giveLine(second) +
                           leaveLine(second.id, {9}) + giveLine(third) + "gone 10.0.0.1\n");
  EXPECT_EQ(book.departures, (std::vector<Departure>{{second, {9}}}));
  EXPECT_EQ(book.leases, (std::map<conf::AttachmentId, Lease>{{third.id, third}}));
}

TEST(Journal, RecordsTheRangesOfNetworks) {
  const conf::IpRange v4{base::Prefix::parse("10.0.0.0/24").value(), ip("10.0.0.10"),
                         ip("10.0.0.20"), ip("10.0.0.15")};
  const conf::IpRange other{base::Prefix::parse("10.1.0.0/24").value(), ip("10.1.0.1"),
                            ip("10.1.0.254"), std::nullopt};
  const conf::IpRange v6{base::Prefix::parse("fd00::/64").value(), ip("fd00::1"), ip("fd00::ff"),
                         std::nullopt};
  const std::vector<conf::IpRangeSet> ranges{{v4, other}, {v6}};
  const auto line = rangesLine("pods", ranges);
  EXPECT_EQ(line,
            "ranges pods 10.0.0.0/24=10.0.0.10-10.0.0.20!10.0.0.15,10.1.0.0/24=10.1.0.1-10.1.0.254;"
            "fd00::/64=fd00::1-fd00::ff\n");
  EXPECT_EQ(bookOf(rangesLine("pods", {{v6}}) + line).ranges.at("pods"), ranges);
}

TEST(Journal, CompactedJournalIsEquivalent) {
  LeaseBook book;
  const auto pod = leaseOf("c1", {ip("10.0.0.1"), ip("fd00::1")});
  const auto gone = leaseOf("c1", {ip("10.0.0.2"), ip("fd00::2")});
  book.leases = {{pod.id, pod}};
  book.departures = {{gone, {4}}, {leaseOf("c2", {ip("10.0.0.3")}), {0}}};
  book.lastGiven = {{"pods", {ip("10.0.0.9")}}, {"other", {ip("10.9.0.1")}}};
  book.ranges["pods"] = {
      {{base::Prefix::parse("10.0.0.0/24").value(), ip("10.0.0.1"), ip("10.0.0.9"), std::nullopt}}};
  std::size_t lines = 0;
  EXPECT_EQ(bookOf(printBook(book, lines)), book);
  EXPECT_EQ(lines, 8U);
  book.freed = {{ip("10.0.0.7"), 1700000100}, {ip("fd00::7"), 1700000101}};
  EXPECT_EQ(bookOf(printBook(book, lines)), book);
}

TEST(Journal, RecordsWhenAddressesWereFreed) {
  const auto line = restLine({ip("10.0.0.1"), ip("fd00::1")}, 1700000100);
  EXPECT_EQ(line, "rest 10.0.0.1,fd00::1 1700000100\n");
  const auto freed = bookOf(line + restLine({ip("10.0.0.1")}, 1700000200)).freed;
  EXPECT_EQ(freed, (std::map<base::IpAddress, std::int64_t>{{ip("10.0.0.1"), 1700000200},
                                                            {ip("fd00::1"), 1700000100}}));
}

TEST(Journal, AfterARebootTheAddressesOfAllLeasesAreFreed) {
  const auto pod = leaseOf("c1", {ip("10.0.0.1"), ip("fd00::1")});
  const auto ended = leaseOf("c2", {ip("10.0.0.2")});
  const auto text =
      journalHeader("11111111-2222-3333-4444-555555555555") + "last pods 10.0.0.9\n" +
      giveLine(pod) + "give half\n" + std::string(5, '\0') + "\n" + giveLine(ended) +
      leaveLine(ended.id, {7}) + goneLine({ended, {7}}) + restLine({ip("10.0.0.2")}, 1700000100) +
      restLine({ip("10.0.0.3")}, 1700000101) + "give c3 eth0 pods shop/c3 17 10.0.0.4";
  const auto journal = readJournal(text, kBoot);
  EXPECT_FALSE(journal.isOfBoot);
  LeaseBook expected;
  expected.lastGiven = {{"pods", {ip("10.0.0.2")}}};
  expected.freed = {{ip("10.0.0.1"), 0},
                    {ip("10.0.0.2"), 1700000100},
                    {ip("10.0.0.3"), 1700000101},
                    {ip("fd00::1"), 0}};
  EXPECT_EQ(journal.book, expected);
}

TEST(Journal, OldFormatIsRead) {
  const auto pod = leaseOf("c1", {ip("10.0.0.1")});
  for (const char* format : {"kpol-leases 1 ", "kpol-leases 2 "}) {
    const auto journal = readJournal(std::string(format) + kBoot + "\n" + giveLine(pod), kBoot);
    EXPECT_TRUE(journal.isOfBoot);
    EXPECT_FALSE(journal.isCurrent);
    EXPECT_EQ(journal.book.leases.size(), 1U);
  }
}

TEST(Journal, JournalOfAnEarlierBootIsVoid) {
  for (const std::string& left :
       {journalHeader("11111111-2222-3333-4444-555555555555") + "any\0thing",
        std::string("kpol-leases 1 x"), std::string("kpol-leases 2 "), std::string(100, '\0'),
        std::string()}) {
    const auto journal = readJournal(left, kBoot);
    EXPECT_FALSE(journal.isOfBoot);
    EXPECT_EQ(journal.book, LeaseBook());
  }
}

TEST(Journal, RejectsInvalidLines) {
  const auto give = giveLine(leaseOf("c1", {ip("10.0.0.1")}));
  for (const std::string& other : {
           std::string("grant c2\n"),
           std::string("\n"),
           std::string("give c2\n"),
           std::string("free c9 eth0\n"),
           std::string("leave c9 eth0 4\n"),
           give + "leave c1 eth0 -4\n",
           std::string("Give c1 eth0\n"),
           std::string("GIve c1 eth0\n"),
           std::string("Leave c9 eth0 4\n"),
           std::string("GONE 10.0.0.1\n"),
           give + "leave c1 eth0\n",
           give + "leave c1 eth0 4x\n",
           give + "gone 10.0.0.1\n",
           give + "leave c1 eth0 4\ngone 10.0.0.2\n",
           give + "leave c1 eth0 4\nfree c1 eth0\n",
           std::string("last pods 10.0.0.1,\n"),
           std::string("rest 10.0.0.1\n"),
           std::string("rest 10.0.0.1 soon\n"),
           std::string("ranges pods 10.0.0.0/24\n"),
           std::string("ranges pods 10.0.0.0/24=10.0.0.1-10.0.0.2!\n") + "x\n",
           std::string("ranges pods 10.0.0.0/24=10.0.0.1-10.0.0.2!10\n"),
           std::string("ranges pods 10.0.0.1/24=10.0.0.1-10.0.0.2\n"),
       })
    EXPECT_THROW((void)bookOf(other), JournalError) << other;
  EXPECT_THROW((void)readJournal("{\"leases\":[]}\n", kBoot), JournalError);
}

}  // namespace
}  // namespace kpol::ipam
