// SPDX-License-Identifier: Apache-2.0
#include "kube/reflector.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "kube/api_error.hpp"
#include "kube/http_status.hpp"
#include "kube/resource_version.hpp"
#include "kube/syntax_error.hpp"

#include <array>
#include <utility>

namespace kpol::kube {
namespace {

using base::Task;
using Event = ListWatch::Event;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestRefusal = 64 * 1024;
// How long catchUp() waits for the watch to catch up before it requests a list.
constexpr auto kHope = std::chrono::milliseconds(300);

struct Resource {
  Kind kind;
  const char* path;
};
constexpr std::array kResources = {
    Resource{Kind::Namespace, "/api/v1/namespaces"},
    Resource{Kind::Node, "/api/v1/nodes"},
    Resource{Kind::Pod, "/api/v1/pods"},
    Resource{Kind::NetworkPolicy, "/apis/networking.k8s.io/v1/networkpolicies"},
};

std::string pathOf(Kind kind) {
  for (const auto& resource : kResources)
    if (resource.kind == kind) return resource.path;
  base::expects(false, "every kind has a path");
  return {};
}

// For continue tokens, which are base64, and versions, whose format is up to the server.
std::string percentEncoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      result += c;
    } else {
      result += '%';
      result += kDigits[byte >> 4U];
      result += kDigits[byte & 0xfU];
    }
  }
  return result;
}

Object named(const ObjectId& id) {
  switch (id.kind) {
    case Kind::Namespace: return policy::Namespace{id.key.name, {}};
    case Kind::Node: return policy::Node{id.key.name, {}, {}, {}};
    case Kind::Pod: break;
    case Kind::NetworkPolicy: {
      policy::NetworkPolicy policy;
      policy.key = id.key;
      return policy;
    }
  }
  policy::Pod pod;
  pod.key = id.key;
  return pod;
}

}  // namespace

Reflector::Reflector(Kind kind, Credentials& credentials, ListWatch::Options options,
                     Listener listener)
    : kind_(kind),
      credentials_(credentials),
      options_(options),
      machine_(options, base::systemRandom()),
      listener_(std::move(listener)),
      client_(credentials),
      listBody_(kind),
      watchBody_(kind) {}

void Reflector::heard() {
  heardAt_ = std::chrono::system_clock::now();
}

// Logs the error if it differs from the last one, not at every attempt.
void Reflector::fail(std::string why) {
  ++counters_.failures;
  if (trouble_ != why)
    base::logWarn("watch failed, keeping cached objects",
                  {{"kind", toString(kind_)}, {"error", why}});
  trouble_ = std::move(why);
  listener_.updated();
}

void Reflector::report(const ApiObject& object) {
  if (object.diagnostics.empty() || object.type == WatchEvent::Type::Deleted) {
    diagnostics_.erase(object.id);
    return;
  }
  auto& known = diagnostics_[object.id];
  if (known == object.diagnostics) return;
  known = object.diagnostics;
  for (const auto& diagnostic : known) {
    const bool isError = diagnostic.severity == policy::Diagnostic::Severity::Error;
    const auto leftOut = invalidLines_.admit(Clock::now());
    if (!leftOut) continue;
    base::log(isError ? base::LogLevel::Error : base::LogLevel::Warn, "invalid object",
              {{"object", diagnostic.object},
               {"field", diagnostic.field},
               {"error", diagnostic.message},
               {"left_out", *leftOut}});
  }
}

Event Reflector::takeObject(ApiObject object) {
  ++counters_.events;
  report(object);
  const bool deleted = object.type == WatchEvent::Type::Deleted;
  if (deleted) {
    known_.remove(object.id.key);
    listener_.apply({object.type, named(object.id)});
  } else {
    known_.add(object.id.key);
    if (object.object) listener_.apply({object.type, *std::move(object.object)});
  }
  return ListWatch::ObjectRead{std::move(object.resourceVersion)};
}

Event Reflector::takeStatus(const ApiStatus& status) {
  const bool listing = machine_.state() == ListWatch::State::Listing;
  if (listing && status.code >= http_status::kServerError) {
    base::logInfo("streaming list not supported, listing in pages",
                  {{"kind", toString(kind_)}, {"reason", status.message}});
    return ListWatch::Refused{status.code, {}};
  }
  fail("the server ended the watch with status " + std::to_string(status.code) + ": " +
       status.message);
  return ListWatch::Refused{status.code, status.retryAfter};
}

Event Reflector::sweep() {
  for (auto& key : known_.endList()) {
    const ObjectId id{kind_, std::move(key)};
    diagnostics_.erase(id);
    listener_.apply({WatchEvent::Type::Deleted, named(id)});
  }
  ++lists_;
  done_ = begun_;
  trouble_.clear();
  base::logInfo("listed", {{"kind", toString(kind_)}, {"objects", known_.size()}});
  progress_.notify();
  listener_.updated();
  return ListWatch::Swept{};
}

// Returns the next event in the received bytes; nullopt if none is complete.
std::optional<Event> Reflector::nextOfWatch() {
  auto item = watchBody_.next(part_, at_);
  if (!item) return std::nullopt;
  if (auto* object = std::get_if<ApiObject>(&*item)) return takeObject(std::move(*object));
  if (const auto* status = std::get_if<ApiStatus>(&*item)) return takeStatus(*status);
  const auto& bookmark = std::get<ApiBookmark>(*item);
  return ListWatch::BookmarkRead{bookmark.resourceVersion, bookmark.initialEventsEnd};
}

std::optional<Event> Reflector::nextOfList() {
  while (auto object = listBody_.next(part_, at_)) takeObject(*std::move(object));
  if (!listBody_.atEnd()) return std::nullopt;
  body_ = Body::None;
  const auto& meta = listBody_.meta();
  return ListWatch::PageRead{meta.resourceVersion, meta.continueToken};
}

std::optional<Event> Reflector::nextEvent() {
  if (body_ == Body::List) return nextOfList();
  return nextOfWatch();
}

Task<Event> Reflector::read(ListWatch::Duration patience) {
  for (;;) {
    auto event = nextEvent();
    if (event) {
      co_return *std::move(event);
    }
    if (body_ == Body::Watch) progress_.notify();
    listener_.updated();
    part_ = co_await client_.read(patience);
    at_ = 0;
    heard();
    if (!part_.empty()) continue;
    if (body_ == Body::Watch && watchBody_.atEnd()) co_return ListWatch::Ended{};
    throw ApiError("the response ended within an object");
  }
}

Task<std::string> Reflector::readWhole(ListWatch::Duration patience) {
  std::string text;
  for (;;) {
    const std::string_view part = co_await client_.read(patience);
    if (part.empty() || text.size() > kLongestRefusal) co_return text;
    text += part;
  }
}

Task<Event> Reflector::refused(const ResponseHead& head) {
  const std::string text = co_await readWhole(options_.patience);
  const auto status = readStatus(text);
  // These statuses mean that the server has no streaming lists.
  const bool offered =
      head.status != http_status::kBadRequest && head.status != http_status::kUnprocessable;
  if (streamingList_ && !offered) {
    co_return ListWatch::Refused{head.status, {}};
  }
  // Report the message of a Status. For any other body, such as a proxy's, report only the status
  // code, because the body may contain anything.
  fail(client_.server() + " returned status " + std::to_string(head.status) +
       (status && !status->message.empty() ? ": " + status->message : ""));
  if (head.status == http_status::kUnauthorized) client_.renewCredentials();
  if (head.status >= http_status::kServerError) client_.preferAnother();
  ListWatch::Refused refused{head.status, head.retryAfter};
  if (!refused.retryAfter && status) refused.retryAfter = status->retryAfter;
  co_return refused;
}

Task<Event> Reflector::ask(std::string target, Body body) {
  body_ = body;
  part_ = {};
  at_ = 0;
  const auto asked = Clock::now();
  const ResponseHead head = co_await client_.get(std::move(target), options_.patience);
  (body == Body::List ? counters_.listLatency : counters_.watchLatency)
      .observe(Clock::now() - asked);
  heard();
  if (head.status != http_status::kOk) {
    co_return co_await refused(head);
  }
  if (body == Body::Watch && !trouble_.empty()) {
    base::logInfo("watch recovered", {{"kind", toString(kind_)}});
    trouble_.clear();
  }
  co_return ListWatch::Answered{};
}

Task<Event> Reflector::list(ListWatch::List list) {
  ++counters_.lists;
  streamingList_ = false;
  if (list.first()) {
    known_.beginList();
    begun_ = wanted_;
  }
  listBody_ = ListBody(kind_);
  std::string target = pathOf(kind_) + "?limit=" + std::to_string(list.limit);
  if (!list.first()) target += "&continue=" + percentEncoded(list.continueToken);
  return ask(std::move(target), Body::List);
}

Task<Event> Reflector::watch(ListWatch::Watch watch) {
  ++counters_.watches;
  watchBody_ = WatchBody(kind_);
  std::string target = pathOf(kind_) + "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" +
                       std::to_string(watch.timeout.count());
  streamingList_ = watch.initialEvents;
  if (watch.initialEvents) {
    known_.beginList();
    begun_ = wanted_;
    target += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=";
  } else {
    target += "&resourceVersion=" + percentEncoded(watch.resourceVersion);
  }
  return ask(std::move(target), Body::Watch);
}

Task<Event> Reflector::wait(ListWatch::Time until) {
  co_await base::sleepUntil(until);
  co_return ListWatch::Elapsed{};
}

Task<Event> Reflector::performOnce(const ListWatch::Action& action) {
  if (const auto* pause = std::get_if<ListWatch::Wait>(&action)) return wait(pause->until);
  if (const auto* pages = std::get_if<ListWatch::List>(&action)) return list(*pages);
  if (const auto* stream = std::get_if<ListWatch::Watch>(&action)) return watch(*stream);
  return read(std::get<ListWatch::Read>(action).patience);
}

Task<Event> Reflector::perform(const ListWatch::Action& action) {
  std::string failure;
  try {
    Event event = co_await performOnce(action);
    co_return event;
  } catch (const Interrupted&) {
    // catchUp() requested a list; run() checks that before it passes this event on.
  } catch (const ApiError& error) {
    failure = error.what();
  } catch (const SyntaxError& error) {
    failure = std::string("invalid response: ") + error.what();
  }
  if (!failure.empty()) fail(std::move(failure));
  co_return ListWatch::Broken{};
}

void Reflector::countRestart(const Event& event) {
  auto& restarts = counters_.restarts;
  if (std::holds_alternative<ListWatch::Ended>(event)) ++restarts.ended;
  if (std::holds_alternative<ListWatch::Broken>(event)) ++restarts.broken;
  if (std::holds_alternative<ListWatch::Distrust>(event)) ++restarts.wanted;
  if (const auto* refused = std::get_if<ListWatch::Refused>(&event))
    ++(refused->status == http_status::kGone ? restarts.expired : restarts.refused);
}

Task<> Reflector::run() {
  Event event = ListWatch::Started{};
  for (;;) {
    // A requested list begins now, whatever the state, unless it is Waiting.
    if (distrusted() && machine_.state() != ListWatch::State::Waiting)
      event = ListWatch::Distrust{};
    if (machine_.state() == ListWatch::State::Watching) countRestart(event);
    const ListWatch::Action action = machine_.resume(event, Clock::now());
    if (std::holds_alternative<ListWatch::Sweep>(action))
      event = sweep();
    else
      event = co_await perform(action);
  }
}

void Reflector::requestList() {
  ++wanted_;
  client_.interrupt();
}

// The server's current version: the version of a list is that of the whole store.
Task<std::string> Reflector::newestVersion(ApiClient& client) {
  std::string target = pathOf(kind_) + "?limit=1";
  const ResponseHead head = co_await client.get(std::move(target), options_.patience);
  if (head.status != http_status::kOk)
    throw ApiError(client.server() + " returned status " + std::to_string(head.status));
  ListBody body(kind_);
  for (;;) {
    const std::string_view part = co_await client.read(options_.patience);
    std::size_t at = 0;
    while (body.next(part, at)) {
    }
    if (body.atEnd()) co_return body.meta().resourceVersion;
    if (part.empty()) throw ApiError("the response ended within an object");
  }
}

Task<bool> Reflector::catchUp(base::Event::Time deadline) {
  const auto hopeUntil = std::min(deadline, Clock::now() + kHope);
  {
    ApiClient client(credentials_);
    const std::string newest = co_await newestVersion(client);
    // An older version: the server's store was restored from a backup. A watch from our version
    // would send nothing, so only a list helps.
    while (listed() && isNewer(newest, resourceVersion())) {
      const bool notified = co_await progress_.waitUntil(hopeUntil);
      if (!notified) break;
    }
    const bool current = !isNewer(newest, resourceVersion()) && !isOlder(newest, resourceVersion());
    if (listed() && current) co_return true;
  }
  // There may be no event of this kind with that version, because all kinds share the same numbers.
  requestList();
  const std::uint64_t ticket = wanted_;
  while (done_ < ticket) {
    const bool notified = co_await progress_.waitUntil(deadline);
    if (!notified) co_return false;
  }
  co_return true;
}

}  // namespace kpol::kube
