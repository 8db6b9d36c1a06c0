// SPDX-License-Identifier: Apache-2.0
// Datagrams of nf_tables that kpol parses itself: replies to a batch, notifications, elements.
#include "netlink/error.hpp"
#include "netlink/parse.hpp"
#include "nft/batch_answer.hpp"
#include "nft/decode.hpp"
#include "nft/table_watch.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

namespace {

using kpol::fuzz::require;
using namespace kpol::nft;
using Datagram = std::span<const std::uint8_t>;

constexpr std::uint32_t kFirst = 1;
constexpr std::uint32_t kLast = 4;

template <class Parse>
void readBatch(Parse parse) {
  try {
    parse();
  } catch (const kpol::netlink::Error&) {
    // rejected: a valid result
  }
}

void readAnswer(Datagram datagram) {
  BatchAnswer answer(kFirst, kLast);
  answer.feed(datagram);
  if (answer.refusal())
    require(answer.refusal()->sequence >= kFirst && answer.refusal()->sequence <= kLast &&
                answer.refusal()->code != 0,
            "a refusal is of a message of the batch");
}

void readElements(Datagram datagram, const Set& set) {
  ElementDecoder decoder(set);
  kpol::netlink::Messages messages(datagram);
  while (const auto message = messages.next()) {
    decoder.read(*message);
    (void)textAttribute(*message, 1);
    (void)userdataText(message->payload, 0);
  }
  const auto elements = decoder.finish();
  require(std::is_sorted(elements.begin(), elements.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; }),
          "elements are sorted");
}

}  // namespace

KPOL_FUZZ_HARNESS(nf_tables) {
  const Datagram datagram(data, size);
  readBatch([&] { readAnswer(datagram); });
  (void)reportsForeignChange(datagram, "kpol", 1);
  Set set;
  set.key = {DataType::Ipv4Addr};
  readBatch([&] { readElements(datagram, set); });
  set.interval = true;
  readBatch([&] { readElements(datagram, set); });
  set.key.push_back(DataType::InetService);
  readBatch([&] { readElements(datagram, set); });
  return 0;
}
