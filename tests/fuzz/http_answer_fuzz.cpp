// SPDX-License-Identifier: Apache-2.0
// A response of kpold's socket, until the connection ends. The first byte selects how it is split.
#include "control/answer.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"

#include <optional>

namespace {

using namespace kpol::control;

template <class Feed>
std::optional<Response> readAnswer(Feed feed) {
  AnswerReader reader;
  try {
    feed([&](std::string_view part) {
      if (!reader.complete()) reader.feed(part);
    });
    if (!reader.complete()) reader.close();
    return reader.take();
  } catch (const NoAnswer&) {
    return std::nullopt;
  }
}

}  // namespace

KPOL_FUZZ_HARNESS(http_answer) {
  auto text = kpol::fuzz::textOf(data, size);
  const auto cut = kpol::fuzz::cutByte(text);
  const auto atOnce = readAnswer([&](auto take) { take(text); });
  const auto inParts = readAnswer([&](auto take) { kpol::fuzz::inParts(text, cut, take); });
  kpol::fuzz::require(atOnce.has_value() == inParts.has_value(),
                      "an answer is one however it is cut");
  if (atOnce)
    kpol::fuzz::require(atOnce->status == inParts->status && atOnce->body == inParts->body,
                        "an answer is the same however it is cut");
  return 0;
}
