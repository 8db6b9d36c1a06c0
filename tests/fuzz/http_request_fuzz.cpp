// SPDX-License-Identifier: Apache-2.0
// A request of a client of kpold's socket or metrics. The first byte selects how it is split.
#include "controller/http_message.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"

#include <string>
#include <tuple>
#include <vector>

namespace {

using kpol::controller::Request;
using kpol::controller::RequestParser;

template <class Feed>
std::vector<Request> readRequests(Feed feed) {
  RequestParser parser;
  std::vector<Request> requests;
  feed([&](std::string_view part) {
    parser.feed(part);
    while (auto request = parser.next()) requests.push_back(*std::move(request));
  });
  return requests;
}

bool same(const Request& a, const Request& b) {
  return std::tie(a.method, a.target, a.body, a.keepAlive) ==
         std::tie(b.method, b.target, b.body, b.keepAlive);
}

}  // namespace

KPOL_FUZZ_HARNESS(http_request) {
  using kpol::fuzz::require;
  auto text = kpol::fuzz::textOf(data, size);
  const auto cut = kpol::fuzz::cutByte(text);
  const auto atOnce = readRequests([&](auto take) { take(text); });
  const auto inParts = readRequests([&](auto take) { kpol::fuzz::inParts(text, cut, take); });
  require(atOnce.size() == inParts.size(), "there are as many requests however they are cut");
  for (std::size_t i = 0; i < atOnce.size(); ++i) {
    require(same(atOnce[i], inParts[i]), "a request is the same however it is cut");
    const auto target = kpol::controller::parseTarget(atOnce[i].target);
    if (!target) continue;
    for (const auto& segment : target->segments)
      require(!segment.empty(), "no part of a path is empty");
  }
  return 0;
}
