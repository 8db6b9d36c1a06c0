// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/fake_api.hpp"

#include "base/async/asio.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace kpol::kube::testing {

using base::Task;
using namespace std::chrono_literals;

std::string FakeApi::podText(const std::string& name, const std::string& value,
                             std::uint64_t version) {
  return R"({"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"shop","name":")" + name +
         R"(","uid":"u","resourceVersion":")" + std::to_string(version) +
         R"(","labels":{"value":")" + value +
         R"("},"annotations":{"note":"größer \"}{\" 漢字"},"managedFields":[{"a":1}]},)"
         R"("spec":{"containers":[{"name":"c","image":"i"}]},"status":{"phase":"Running"}})";
}

std::string FakeApi::eventText(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string FakeApi::bookmarkText(std::uint64_t version, bool initialEventsEnd) {
  return eventText(
      "BOOKMARK",
      R"({"kind":"Pod","metadata":{"resourceVersion":")" + std::to_string(version) + "\"" +
          (initialEventsEnd ? R"(,"annotations":{"k8s.io/initial-events-end":"true"})" : "") +
          "}}");
}

std::string FakeApi::statusText(unsigned code, const std::string& message) {
  return R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":")" + message +
         R"(","code":)" + std::to_string(code) + "}";
}

void FakeApi::put(const std::string& name, const std::string& value) {
  const bool added = !pods_.contains(name);
  pods_[name] = value;
  versions_[name] = ++version_;
  history_.push_back(
      {version_, eventText(added ? "ADDED" : "MODIFIED", text(name, value, version_))});
  changed_.notify();
}

void FakeApi::remove(const std::string& name) {
  const std::string value = pods_.at(name);
  pods_.erase(name);
  history_.push_back({++version_, eventText("DELETED", text(name, value, version_))});
  changed_.notify();
}

void FakeApi::restore(std::uint64_t version, std::map<std::string, std::string> pods) {
  version_ = version;
  pods_ = std::move(pods);
  history_.clear();
  versions_.clear();
  for (const auto& [name, value] : pods_) versions_[name] = version;
}

void FakeApi::endWatches() {
  ++ends_;
  changed_.notify();
}

// A continue token is "VERSION/NAME": the page after NAME, of the list of VERSION.
std::string FakeApi::page(const Asked& asked) {
  std::uint64_t version = version_;
  std::string after;
  if (const auto token = asked.parameter("continue"); !token.empty()) {
    version = std::stoull(token);
    after = token.substr(token.find('/') + 1);
    if (version < oldest_ || !pageVersions_.contains(version)) return {};
  } else {
    pageVersions_[version] = pods_;
  }
  const auto limit = std::min<std::size_t>(pageLimit, std::stoul(asked.parameter("limit")));
  const auto& pods = pageVersions_.at(version);
  std::string items;
  std::string last;
  std::size_t count = 0;
  auto at = pods.upper_bound(after);
  for (; at != pods.end() && count < limit; ++at, ++count) {
    items += (items.empty() ? "" : ",") + text(at->first, at->second, versions_[at->first]);
    last = at->first;
  }
  const std::string token = at == pods.end() ? "" : std::to_string(version) + "/" + last;
  return R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":")" +
         std::to_string(version) + R"(","continue":")" + token + R"("},"items":[)" + items + "]}";
}

Task<> FakeApi::watch(Exchange& exchange) {
  const std::uint64_t ends = ends_;
  std::uint64_t told = version_;
  if (!exchange.asked.isInitialWatch())
    told = std::stoull(exchange.asked.parameter("resourceVersion"));
  const bool gone = told < oldest_;
  co_await exchange.begin();
  if (gone) {
    co_await exchange.chunk(eventText("ERROR", statusText(410, "too old resource version")));
    co_await exchange.end();
    co_return;
  }
  if (exchange.asked.isInitialWatch()) {
    std::string all;
    for (const auto& [name, value] : pods_)
      all += eventText("ADDED", text(name, value, versions_[name]));
    all += bookmarkText(version_, true);
    told = version_;
    co_await exchange.chunk(std::move(all));
  }
  for (;;) {
    std::string news;
    for (const auto& change : history_)
      if (change.version > told) news += change.text;
    told = std::max(told, version_);  // a later version is waited for in silence
    const bool sends = !news.empty();
    if (sends) co_await exchange.chunk(std::move(news));
    if (ends != ends_) break;
    // What changed while it was sending comes first.
    if (!sends) co_await changed_.waitUntil(base::Event::kNever);
  }
  co_await exchange.end();
}

Task<> FakeApi::answer(Exchange& exchange) {
  if (exchange.asked.isInitialWatch() && !streamingLists) {
    co_await exchange.answer(422, statusText(422, "sendInitialEvents is forbidden for watch"));
    co_return;
  }
  if (exchange.asked.isWatch()) {
    co_await watch(exchange);
    co_return;
  }
  std::string whole = page(exchange.asked);
  if (whole.empty())
    co_await exchange.answer(410, statusText(410, "The provided continue parameter is too old"));
  else
    co_await exchange.answer(200, std::move(whole));
}

Reflector::Listener Told::listener() {
  return {[this](const WatchEvent& event) { apply(event); }, [this] { updated.notify(); }};
}

void Told::apply(const WatchEvent& event) {
  const auto& pod = std::get<policy::Pod>(event.object);
  const std::string& name = pod.key.name;
  if (event.type == WatchEvent::Type::Deleted) {
    if (pods_.erase(name) > 0) changes.push_back("-" + name);
    return;
  }
  const std::string* value = pod.labels.find("value");
  const std::string text = value == nullptr ? "?" : *value;
  const auto [place, added] = pods_.try_emplace(name, text);
  if (!added && place->second == text) return;
  place->second = text;
  changes.push_back((added ? "+" : "~") + name + "=" + text);
}

ListWatch::Options ReflectorRun::fast() {
  ListWatch::Options options;
  options.firstWait = 1ms;
  options.longestWait = 5ms;
  options.pageLimit = 3;
  return options;
}

ReflectorRun::ReflectorRun(ListWatch::Options theOptions)
    : options(theOptions), tasks_(io.get_executor()) {}

Task<> ReflectorRun::until(std::function<bool()> condition, const char* what) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    const auto next = std::min(deadline, std::chrono::steady_clock::now() + 5ms);
    co_await told.updated.waitUntil(next);
    if (std::chrono::steady_clock::now() >= deadline) {
      ADD_FAILURE() << "not within half a minute: " << what
                    << "; trouble: " << reflector->trouble();
      co_return;
    }
  }
}

Task<> ReflectorRun::drive(Task<> body) {
  co_await std::move(body);
  tasks_.cancel();
  for (auto* server : servers) server->stop();
}

void ReflectorRun::run(Task<> body) {
  credentials = std::make_unique<Credentials>(config);
  reflector = std::make_unique<Reflector>(Kind::Pod, *credentials, options, told.listener());
  tasks_.spawn(reflector->run());
  tasks_.spawn(drive(std::move(body)));
  io.run_for(60s);
  EXPECT_TRUE(io.stopped()) << "something still runs";
}

}  // namespace kpol::kube::testing
