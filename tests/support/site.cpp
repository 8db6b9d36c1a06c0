// SPDX-License-Identifier: Apache-2.0
#include "tests/support/site.hpp"

#include "base/error.hpp"

#include <stdlib.h>

#include <cerrno>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;

struct Place {
  const char* name;
  const char* ipv4;
  const char* ipv6;
  const char* router4;
  const char* router6;
};
constexpr std::array<Place, Site::kNodes> kPlaces{{
    {"alpha", "192.0.2.11", "2001:db8:2::11", "192.0.2.254", "2001:db8:2::fe"},
    {"beta", "192.0.2.12", "2001:db8:2::12", "192.0.2.254", "2001:db8:2::fe"},
    {"gamma", "198.51.100.13", "2001:db8:3::13", "198.51.100.254", "2001:db8:3::fe"},
}};

// "ip link set lo up", with blanks between arguments.
std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

void mustRun(const std::string& command) {
  const auto result = run(words(command));
  if (result.status != 0) throw std::runtime_error(command + ": " + result.out + result.err);
}

void addAddresses(const std::string& link, const std::string& ipv4, const std::string& ipv6) {
  mustRun("ip address add " + ipv4 + "/24 dev " + link);
  mustRun("ip address add " + ipv6 + "/64 dev " + link + " nodad");
}

std::filesystem::path makeSiteDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "kpol-site-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw base::SystemError("make " + pattern, errno);
  return pattern;
}

std::string rangeOf(std::size_t number, base::Family family) {
  const auto digit = std::to_string(number + 1);
  return family == base::Family::V4 ? "10.244." + digit + ".0/24"
                                    : "fd00:10:244:" + digit + "::/64";
}

}  // namespace

Site::Site() : directory_(makeSiteDirectory()) {
  fabric_ = std::make_unique<TestNetns>(directory_ / "fabric");
  for (std::size_t i = 0; i < kNodes; ++i) {
    auto& member = members_.at(i);
    member.netns = std::make_unique<TestNetns>(directory_ / kPlaces.at(i).name);
    const auto inside = netns(i).enter();
    NodeOptions options;
    options.name = kPlaces.at(i).name;
    options.ipv4 = rangeOf(i, base::Family::V4);
    options.ipv6 = rangeOf(i, base::Family::V6);
    options.outside = false;
    member.node = std::make_unique<Node>(options);
  }
  connect();
}

Site::~Site() {
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto inside = netns(i).enter();
    members_.at(i).node.reset();
  }
  for (auto& member : members_) member.netns.reset();
  fabric_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Site::connect() {
  const auto inFabric = fabric().enter();
  mustRun("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
  mustRun("ip link add br0 type bridge");
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto& place = kPlaces.at(i);
    mustRun("ip link add " + std::string(place.name) + " type veth peer name eth0 netns " +
            (directory_ / place.name).string());
    mustRun("ip link set " + std::string(place.name) + (i < 2 ? " master br0 up" : " up"));
  }
  mustRun("ip link set br0 up");
  addAddresses("br0", kPlaces[0].router4, kPlaces[0].router6);
  addAddresses(kPlaces[2].name, kPlaces[2].router4, kPlaces[2].router6);
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto& place = kPlaces.at(i);
    const auto inside = netns(i).enter();
    mustRun("ip link set eth0 up");
    addAddresses("eth0", place.ipv4, place.ipv6);
    mustRun("ip route add default via " + std::string(place.router4));
    mustRun("ip route add default via " + std::string(place.router6));
  }
}

std::string Site::nodeText(std::size_t number) {
  const auto& place = kPlaces.at(number);
  return std::string("---\napiVersion: v1\nkind: Node\nmetadata: {name: ") + place.name +
         "}\nspec: {podCIDRs: ['" + rangeOf(number, base::Family::V4) + "', '" +
         rangeOf(number, base::Family::V6) +
         "']}\nstatus: {addresses: [{type: InternalIP, address: " + place.ipv4 +
         "}, {type: InternalIP, address: '" + place.ipv6 + "'}]}\n";
}

void Site::announceNodes() {
  for (std::size_t i = 0; i < kNodes; ++i)
    apply(std::string("node-") + kPlaces.at(i).name + ".yaml", nodeText(i));
}

void Site::apply(const std::string& file, const std::string& text) {
  for (auto& member : members_) member.node->apply(file, text);
}

void Site::remove(const std::string& file) {
  for (auto& member : members_) member.node->remove(file);
}

void Site::start(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < kNodes; ++i) {
    const auto inside = netns(i).enter();
    members_.at(i).node->startKpold(arguments);
  }
}

NodePod& Site::add(std::size_t number, const base::ObjectKey& pod) {
  const auto inside = netns(number).enter();
  return node(number).add(pod);
}

std::string Site::in(std::size_t number, const std::vector<std::string>& argv) const {
  const auto inside = netns(number).enter();
  const auto result = run(argv);
  return result.out + result.err;
}

std::string Site::inFabric(const std::vector<std::string>& argv) const {
  const auto inside = fabric().enter();
  const auto result = run(argv);
  return result.out + result.err;
}

base::IpAddress Site::nodeIp(std::size_t number, base::Family family) {
  const auto& place = kPlaces.at(number);
  return *base::IpAddress::parse(family == base::Family::V4 ? place.ipv4 : place.ipv6);
}

base::IpAddress Site::fabricIp(base::Family family) {
  return *base::IpAddress::parse(family == base::Family::V4 ? kPlaces[0].router4
                                                            : kPlaces[0].router6);
}

std::string Site::podCidr(std::size_t number, base::Family family) {
  return rangeOf(number, family);
}

bool soon(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

}  // namespace kpol::test
