// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/reflector.hpp"
#include "tests/kube/scripted_server.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace kpol::kube::testing {

// The Pods of a cluster as an API server has them: one growing version, a history that may be cut
// off, lists in pages of one version, watches with bookmarks. Tests inject faults with their own
// responses.
class FakeApi {
 public:
  // A pod's value is in its label "value".
  void put(const std::string& name, const std::string& value);
  void remove(const std::string& name);
  // Versions up to now cannot be watched from, or continued at, any more.
  void compact() { oldest_ = version_; }
  // As an API server after its etcd was restored from a backup of that version.
  void restore(std::uint64_t version, std::map<std::string, std::string> pods);
  [[nodiscard]] const std::map<std::string, std::string>& pods() const { return pods_; }
  [[nodiscard]] std::uint64_t version() const { return version_; }

  // The text of an object, of its name, value and version.
  std::function<std::string(const std::string&, const std::string&, std::uint64_t)> text = podText;
  bool streamingLists = false;
  std::size_t pageLimit = 1000;  // at most this many items per page, whatever is requested

  // Responds like an API server; a watch continues until `until` or until the client ends it.
  base::Task<> answer(Exchange& exchange);
  // All watches end after the events so far.
  void endWatches();

  [[nodiscard]] std::string page(const Asked& asked);
  static std::string podText(const std::string& name, const std::string& value,
                             std::uint64_t version);
  static std::string eventText(const std::string& type, const std::string& object);
  static std::string bookmarkText(std::uint64_t version, bool initialEventsEnd);
  static std::string statusText(unsigned code, const std::string& message);

 private:
  struct Change {
    std::uint64_t version = 0;
    std::string text;
  };
  base::Task<> watch(Exchange& exchange);

  std::uint64_t version_ = 10;
  std::uint64_t oldest_ = 0;
  std::map<std::string, std::string> pods_;
  std::map<std::string, std::uint64_t> versions_;
  std::vector<Change> history_;
  std::uint64_t ends_ = 0;
  base::Event changed_;
  // The pods of each version that a list of pages is read from.
  std::map<std::uint64_t, std::map<std::string, std::string>> pageVersions_;
};

// The events from a reflector.
class Told {
 public:
  Reflector::Listener listener();
  [[nodiscard]] const std::map<std::string, std::string>& pods() const { return pods_; }
  std::vector<std::string> changes;  // "+a=1", "~a=2", "-a": only events that changed something
  base::Event updated;

 private:
  void apply(const WatchEvent& event);
  std::map<std::string, std::string> pods_;
};

// A reflector of Pods at servers on loopback, run on one event loop together with them.
class ReflectorRun {
 public:
  explicit ReflectorRun(ListWatch::Options options = fast());
  // No waits worth mentioning, so that many faults fit in a test.
  static ListWatch::Options fast();

  // Runs until `body` has ended, at most a minute; then everything is stopped. `servers` are
  // stopped too.
  void run(base::Task<> body);
  // Waits until `condition` holds; fails the test after half a minute.
  base::Task<> until(std::function<bool()> condition, const char* what);

  base::asio::io_context io;
  ClusterConfig config;
  ListWatch::Options options;
  Told told;
  std::unique_ptr<Credentials> credentials;
  std::unique_ptr<Reflector> reflector;
  std::vector<ScriptedServer*> servers;

 private:
  base::Task<> drive(base::Task<> body);
  base::TaskGroup tasks_;
};

}  // namespace kpol::kube::testing
