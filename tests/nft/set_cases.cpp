// SPDX-License-Identifier: Apache-2.0
#include "tests/nft/set_cases.hpp"

#include "tests/nft/values.hpp"

namespace kpol::test {
namespace {

using nft::Element;
using nft::element;
using nft::Key;
using nft::range;
using nft::Set;
using enum nft::DataType;

using Types = std::vector<nft::DataType>;
using Elements = std::vector<Element>;

Set exact(std::string name, Types key, Elements elements) {
  Set set;
  set.name = std::move(name);
  set.key = std::move(key);
  set.elements = std::move(elements);
  return set;
}

Set interval(std::string name, Types key, Elements elements) {
  Set set = exact(std::move(name), std::move(key), std::move(elements));
  set.interval = true;
  return set;
}

Set verdicts(Set set) {
  set.kind = Set::Kind::VerdictMap;
  return set;
}

Set map(Set set, Types value) {
  set.kind = Set::Kind::Map;
  set.value = std::move(value);
  return set;
}

Set sized(Set set, std::uint32_t size) {
  set.size = size;
  return set;
}

Set commented(Set set, std::string comment) {
  set.comment = std::move(comment);
  return set;
}

Element maps(const Key& key, const Key& value) {
  return {key, key, value};
}

Key tcp(unsigned number) {
  return kTcp.dot(port(number));
}

void addExact(std::vector<Set>& sets) {
  sets.insert(
      sets.end(),
      {
          exact("empty", {Ipv4Addr}, {}),
          exact("addresses4", {Ipv4Addr}, {element(ip("10.0.0.1")), element(ip("10.0.0.2"))}),
          exact("addresses6", {Ipv6Addr}, {element(ip("::1")), element(ip("fd00::1"))}),
          exact("protocols", {InetProto}, {element(byte(6)), element(byte(58))}),
          exact("ports", {InetService}, {element(port(53)), element(port(65535))}),
          exact("interfaces", {IfName}, {element(interface("eth0")), element(interface("kpol0"))}),
          exact("families", {NfProto}, {element(byte(2)), element(byte(10))}),
          exact("icmp", {Icmpv6Type}, {element(byte(135))}),
          exact("marks", {Mark}, {element(word(0x4000))}),
          sized(exact("sized", {Ipv4Addr}, {element(ip("10.0.0.1"))}), 1000),
          commented(exact("commented", {Ipv4Addr}, {}), "app=web, tier in (a,b)"),
          commented(exact("long-comment", {Ipv4Addr}, {}), std::string(127, 'c')),
          sized(exact("endpoints", {IfName, Ipv4Addr},
                      {element(interface("kpol0123456789a").dot(ip("10.0.0.1")))}),
                64),
          exact("peers", {Ipv6Addr, InetProto, InetService},
                {element(ip("fd00::1").dot(kTcp).dot(port(80)))}),
      });
}

void addIntervals(std::vector<Set>& sets) {
  sets.insert(
      sets.end(),
      {
          interval("blocks-none", {Ipv4Addr}, {}),
          interval("blocks-lowest", {Ipv4Addr}, {range(ip("0.0.0.0"), ip("0.255.255.255"))}),
          interval("blocks-highest", {Ipv4Addr}, {range(ip("224.0.0.0"), ip("255.255.255.255"))}),
          interval("blocks-all", {Ipv4Addr}, {range(ip("0.0.0.0"), ip("255.255.255.255"))}),
          interval("blocks-last", {Ipv4Addr}, {element(ip("255.255.255.255"))}),
          interval("blocks", {Ipv4Addr},
                   {range(ip("10.0.0.0"), ip("10.255.255.255")), element(ip("11.0.0.0")),
                    range(ip("11.0.0.1"), ip("11.0.0.9")),
                    range(ip("192.168.0.0"), ip("192.168.0.255"))}),
          interval("blocks6", {Ipv6Addr},
                   {element(ip("::1")), range(ip("fd00::"), ip("fd00::ffff")),
                    range(ip("fe00::"), ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))}),
          interval(
              "port-ranges", {InetService},
              {range(port(80), port(90)), element(port(443)), range(port(60000), port(65535))}),
          interval("networks", {Ipv4Addr, InetProto, InetService},
                   {element(ip("9.0.0.1").dot(tcp(80))),
                    range(ip("10.0.0.0").dot(tcp(80)), ip("10.255.255.255").dot(tcp(90))),
                    range(ip("11.0.0.1").dot(tcp(0)), ip("11.0.0.1").dot(tcp(65535)))}),
          interval("networks6", {Ipv6Addr, InetService},
                   {range(ip("fd00::").dot(port(1)), ip("fd00::ffff").dot(port(9)))}),
      });
}

void addMaps(std::vector<Set>& sets) {
  using Kind = nft::Verdict::Kind;
  sets.insert(
      sets.end(),
      {
          verdicts(
              exact("dispatch", {Ipv4Addr},
                    {element(ip("10.0.0.1"), jump("other")), element(ip("10.0.0.2"), goTo("other")),
                     element(ip("10.0.0.3"), drop()), element(ip("10.0.0.4"), accept()),
                     element(ip("10.0.0.5"), nft::Verdict{Kind::Continue, {}}),
                     element(ip("10.0.0.6"), nft::Verdict{Kind::Return, {}})})),
          verdicts(sized(
              exact("profile-ports", {InetProto, InetService}, {element(tcp(80), goTo("other"))}),
              16)),
          verdicts(interval("block-dispatch", {Ipv4Addr},
                            {range(ip("10.0.0.0"), ip("10.0.0.9"), goTo("other")),
                             range(ip("10.0.0.10"), ip("10.0.0.10"), drop()),
                             range(ip("224.0.0.0"), ip("255.255.255.255"), accept())})),
          verdicts(interval(
              "range-dispatch", {InetProto, InetService},
              {range(tcp(80), tcp(80), drop()), range(tcp(8000), tcp(8080), goTo("other"))})),
          map(exact("backends", {InetProto, InetService}, {maps(tcp(80), ip("10.0.0.1"))}),
              {Ipv4Addr}),
          map(sized(exact("profile-marks", {Ipv4Addr}, {maps(ip("10.0.0.1"), word(7))}), 8),
              {Mark}),
          map(exact("targets", {InetService}, {maps(port(80), ip("10.0.0.1").dot(port(8080)))}),
              {Ipv4Addr, InetService}),
          map(interval("block-backends", {Ipv4Addr},
                       {Element{ip("10.0.0.0"), ip("10.0.0.9"), ip("192.0.2.1")}}),
              {Ipv4Addr}),
      });
}

}  // namespace

std::vector<Set> setCases() {
  std::vector<Set> sets;
  addExact(sets);
  addIntervals(sets);
  addMaps(sets);
  return sets;
}

}  // namespace kpol::test
