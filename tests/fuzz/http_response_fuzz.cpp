// SPDX-License-Identifier: Apache-2.0
// A response of an API server, until the connection ends. The first byte selects how it is split.
#include "kube/api_error.hpp"
#include "kube/http_response.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"

#include <optional>
#include <string>

namespace {

struct Answer {
  std::optional<kpol::kube::ResponseHead> head;
  std::string body;
  bool whole = false;  // else rejected
};

void feedAll(kpol::kube::ResponseReader& reader, std::string_view bytes, std::string& body) {
  const auto before = body.size();
  reader.feed(bytes, body);
  kpol::fuzz::require(body.size() - before <= reader.kMostAtOnce, "a call returns a bounded part");
  while (reader.hasMore()) {
    const auto size = body.size();
    reader.feed({}, body);
    kpol::fuzz::require(body.size() - size <= reader.kMostAtOnce, "so does the next");
  }
}

template <class Feed>
Answer readResponse(Feed feed) {
  kpol::kube::ResponseReader reader;
  Answer answer;
  try {
    feed(reader, answer.body);
    reader.close();
    answer.whole = reader.complete();
  } catch (const kpol::kube::ApiError&) {
    // rejected: a valid result
  }
  answer.head = reader.head();
  return answer;
}

}  // namespace

KPOL_FUZZ_HARNESS(http_response) {
  using kpol::fuzz::require;
  auto text = kpol::fuzz::textOf(data, size);
  const auto cut = kpol::fuzz::cutByte(text);
  const Answer atOnce =
      readResponse([&](auto& reader, auto& body) { feedAll(reader, text, body); });
  const Answer inParts = readResponse([&](auto& reader, auto& body) {
    kpol::fuzz::inParts(text, cut, [&](std::string_view part) { feedAll(reader, part, body); });
  });
  require(atOnce.whole == inParts.whole, "an answer is whole however it is cut");
  // As much as deflate can swell.
  require(atOnce.body.size() <= 1100 * text.size(), "a body is in proportion to its bytes");
  if (atOnce.whole) {
    require(atOnce.body == inParts.body, "a body is the same however it is cut");
    require(atOnce.head->status == inParts.head->status &&
                atOnce.head->keepAlive == inParts.head->keepAlive &&
                atOnce.head->retryAfter == inParts.head->retryAfter,
            "a head is the same however it is cut");
  } else {
    // What was taken before the fault was seen.
    require(atOnce.body.starts_with(inParts.body) || inParts.body.starts_with(atOnce.body),
            "a broken body begins the same however it is cut");
  }
  return 0;
}
