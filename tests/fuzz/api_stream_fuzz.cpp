// SPDX-License-Identifier: Apache-2.0
// The body of a list or a watch. The first byte selects the kind of object, the second how the body
// is split.
#include "kube/api_stream.hpp"
#include "kube/syntax_error.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/parts.hpp"

#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace kpol::kube;

bool same(const ApiObject& a, const ApiObject& b) {
  return std::tie(a.type, a.id, a.object, a.diagnostics, a.resourceVersion) ==
         std::tie(b.type, b.id, b.object, b.diagnostics, b.resourceVersion);
}

bool same(const ApiBookmark& a, const ApiBookmark& b) {
  return a.resourceVersion == b.resourceVersion && a.initialEventsEnd == b.initialEventsEnd;
}

bool same(const ApiStatus& a, const ApiStatus& b) {
  return std::tie(a.code, a.reason, a.message, a.retryAfter) ==
         std::tie(b.code, b.reason, b.message, b.retryAfter);
}

bool same(const WatchItem& a, const WatchItem& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& item) { return same(item, std::get<std::decay_t<decltype(item)>>(b)); }, a);
}

// What a body gave until its end or a fault.
struct Taken {
  std::vector<WatchItem> items;
  bool broken = false;
  bool atEnd = false;
};

template <class Body, class Feed>
Taken takeAll(Body& body, Feed feed) {
  Taken taken;
  try {
    feed([&](std::string_view part) {
      for (std::size_t at = 0; auto item = body.next(part, at);)
        taken.items.emplace_back(*std::move(item));
    });
    taken.atEnd = body.atEnd();
  } catch (const SyntaxError&) {
    taken.broken = true;
  }
  return taken;
}

void check(const WatchItem& item, Kind kind) {
  const auto* object = std::get_if<ApiObject>(&item);
  if (object == nullptr) return;
  kpol::fuzz::require(!object->id.key.name.empty() && object->id.kind == kind,
                      "an object has a name and is of the kind that was asked for");
  kpol::fuzz::require(!object->object || idOf(*object->object) == object->id,
                      "an object is the one that it is called");
}

template <class Body>
void readStream(std::string_view text, Kind kind, std::uint8_t cut) {
  using kpol::fuzz::require;
  Body whole(kind);
  Body parts(kind);
  const Taken atOnce = takeAll(whole, [&](auto take) { take(text); });
  const Taken inParts = takeAll(parts, [&](auto take) { kpol::fuzz::inParts(text, cut, take); });
  require(atOnce.broken == inParts.broken && atOnce.atEnd == inParts.atEnd,
          "a body ends the same however it is cut");
  require(atOnce.items.size() == inParts.items.size(),
          "a body has as many items however it is cut");
  for (std::size_t i = 0; i < atOnce.items.size(); ++i) {
    require(same(atOnce.items[i], inParts.items[i]), "an item is the same however it is cut");
    check(atOnce.items[i], kind);
  }
  if constexpr (std::is_same_v<Body, ListBody>)
    require(atOnce.broken || (whole.meta().resourceVersion == parts.meta().resourceVersion &&
                              whole.meta().continueToken == parts.meta().continueToken),
            "a list says the same of itself however it is cut");
}

}  // namespace

KPOL_FUZZ_HARNESS(api_stream) {
  auto text = kpol::fuzz::textOf(data, size);
  const auto choice = kpol::fuzz::cutByte(text);
  const auto cut = kpol::fuzz::cutByte(text);
  const auto kind = static_cast<Kind>(choice % 4);
  (void)readStatus(text);
  if (choice % 8 < 4) {
    readStream<ListBody>(text, kind, cut);
  } else {
    readStream<WatchBody>(text, kind, cut);
  }
  return 0;
}
