// SPDX-License-Identifier: Apache-2.0
#include "kube/list_watch.hpp"

#include "kube/http_status.hpp"
#include "kube/resource_version.hpp"

#include <algorithm>
#include <utility>

namespace kpol::kube {
namespace {

// A watch that lasted this long was healthy, even if it sent nothing.
constexpr auto kHealthy = std::chrono::seconds(10);
// How long to wait beyond the time after which the server was requested to end the watch.
constexpr auto kGrace = std::chrono::seconds(30);

}  // namespace

ListWatch::ListWatch(Options options, base::Backoff::Random random)
    : options_(options),
      random_(std::move(random)),
      backoff_(options.firstWait, options.longestWait, [this] { return random_(); }),
      streamingOffered_(options.streamingLists) {}

ListWatch::Action ListWatch::resume(const Event& event, Time now) {
  Action action = std::visit([&](const auto& what) { return take(what, now); }, event);
  const bool asks = std::holds_alternative<List>(action) || std::holds_alternative<Watch>(action);
  if (asks) {
    waitUntil_.reset();
    askedAt_ = now;
    answered_ = false;
    bookmarks_ = false;
    advanced_ = false;
  }
  return action;
}

ListWatch::State ListWatch::state() const {
  if (waitUntil_) return State::Waiting;
  return listing_ ? State::Listing : State::Watching;
}

// A list that was begun in pages is completed in pages.
bool ListWatch::streams() const {
  return streamingOffered_ && continueToken_.empty();
}

ListWatch::Action ListWatch::request() {
  if (listing_ && !streams()) return List{continueToken_, options_.pageLimit};
  const auto range = static_cast<double>((options_.longestWatch - options_.shortestWatch).count());
  watchTimeout_ =
      options_.shortestWatch + std::chrono::seconds(static_cast<int>(range * random_()));
  if (listing_) return Watch{{}, true, watchTimeout_};
  return Watch{resourceVersion_, false, watchTimeout_};
}

ListWatch::Action ListWatch::retry(Time now, Duration atLeast) {
  waitUntil_ = now + std::max(backoff_.next(), atLeast);
  return Wait{*waitUntil_};
}

void ListWatch::forgetList() {
  continueToken_.clear();
  listVersion_.clear();
}

// The server no longer has our version: known objects stay, only the place in its history is lost.
// The first time list at once, so that the gap is short; after that with waits, because a server
// that forgets this fast is probably overloaded.
ListWatch::Action ListWatch::gone(Time now) {
  listing_ = true;
  forgetList();
  if (backoff_.failures() > 0) return retry(now);
  static_cast<void>(backoff_.next());
  return request();
}

ListWatch::Action ListWatch::read() const {
  if (listing_) return Read{options_.patience};
  if (bookmarks_ || bookmarksExpected_) return Read{options_.bookmarkPatience};
  return Read{watchTimeout_ + kGrace};
}

// Whether this watch has sent nothing, although it was open long enough for a bookmark.
bool ListWatch::wasSilent(Time now) const {
  return !listing_ && answered_ && bookmarksExpected_ && !bookmarks_ && !advanced_ &&
         now - askedAt_ >= options_.bookmarkPatience;
}

void ListWatch::advance(const std::string& resourceVersion) {
  if (!isNewer(resourceVersion, resourceVersion_)) return;
  resourceVersion_ = resourceVersion;
  advanced_ = true;
  backoff_.reset();
}

ListWatch::Action ListWatch::take(const Elapsed&, Time now) {
  if (!waitUntil_) return read();
  if (now < *waitUntil_) return Wait{*waitUntil_};
  return request();
}

ListWatch::Action ListWatch::take(const Answered&, Time) {
  answered_ = true;
  return read();
}

// Servers that do not know sendInitialEvents, or have it disabled, respond with 400 or 422. 504
// ("Too large resource version") is sent while the server's cache is behind its store. With an etcd
// that does not report its progress (before 3.4.31) that lasts until the next write; or the server
// accepts the stream and sends 500 in place of its first event. A server error in place of a
// response may be temporary, so it counts only the second time.
bool ListWatch::cannotStream(unsigned status) {
  if (status == http_status::kBadRequest || status == http_status::kUnprocessable ||
      status == http_status::kTimeout)
    return true;
  return status >= http_status::kServerError && (answered_ || ++brokenStreams_ > 1);
}

ListWatch::Action ListWatch::take(const Refused& refused, Time now) {
  if (listing_ && streams() && cannotStream(refused.status)) {
    streamingOffered_ = false;
    return request();
  }
  if (refused.status == http_status::kGone) return gone(now);
  return retry(now,
               std::min(refused.retryAfter.value_or(Duration::zero()), options_.longestRetryAfter));
}

ListWatch::Action ListWatch::take(const PageRead& page, Time now) {
  // A watch without a version would begin at some later time.
  if (!isVersion(page.resourceVersion)) return take(Broken{}, now);
  listVersion_ = page.resourceVersion;
  continueToken_ = page.continueToken;
  if (!continueToken_.empty()) return request();
  return Sweep{};
}

ListWatch::Action ListWatch::take(const ObjectRead& object, Time) {
  if (!listing_) advance(object.resourceVersion);
  return read();
}

ListWatch::Action ListWatch::take(const BookmarkRead& bookmark, Time now) {
  bookmarks_ = true;
  if (!listing_) {
    bookmarksExpected_ = true;
    advance(bookmark.resourceVersion);
    return read();
  }
  if (!bookmark.initialEventsEnd) return read();
  if (!isVersion(bookmark.resourceVersion)) return take(Broken{}, now);
  listVersion_ = bookmark.resourceVersion;
  return Sweep{};
}

// A server may return an older state than another one before it. It watches from the version that
// it listed, so the list's version is used even if it is smaller.
ListWatch::Action ListWatch::take(const Swept&, Time) {
  const bool streaming = streams();
  listing_ = false;
  bookmarksExpected_ = false;
  resourceVersion_ = listVersion_;
  forgetList();
  if (streaming) return read();
  return request();
}

ListWatch::Action ListWatch::take(const Ended&, Time now) {
  if (listing_ || wasSilent(now)) return take(Broken{}, now);
  if (now - askedAt_ >= kHealthy) backoff_.reset();
  if (advanced_ || now - askedAt_ >= kHealthy) return request();
  return retry(now);
}

ListWatch::Action ListWatch::take(const Broken&, Time now) {
  // Two streams without an end of the initial events: the server may not know the parameter and
  // ignore it. Lists in pages always work.
  if (listing_ && streams() && answered_ && ++brokenStreams_ > 1) streamingOffered_ = false;
  if (wasSilent(now)) {
    listing_ = true;
    forgetList();
    return retry(now);
  }
  if (!listing_ && now - askedAt_ >= kHealthy) backoff_.reset();
  return retry(now);
}

ListWatch::Action ListWatch::take(const Distrust&, Time) {
  listing_ = true;
  forgetList();
  if (waitUntil_) return Wait{*waitUntil_};
  return request();
}

const char* toString(ListWatch::State state) {
  switch (state) {
    case ListWatch::State::Listing: return "listing";
    case ListWatch::State::Watching: return "watching";
    case ListWatch::State::Waiting: return "waiting";
  }
  return "";
}

}  // namespace kpol::kube
