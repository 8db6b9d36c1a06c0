// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/histogram.hpp"
#include "base/log_limit.hpp"
#include "kube/api_client.hpp"
#include "kube/api_stream.hpp"
#include "kube/known_objects.hpp"
#include "kube/list_watch.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace kpol::kube {

// Follows all objects of one kind at an API server and reports their changes. Performs the actions
// of ListWatch. Reported objects stay valid during errors: an object is Deleted only if the server
// reports that, or a complete list does not contain it. The same object may be reported again.
class Reflector {
 public:
  // `apply` is called for each change, and `updated` once after those that arrived together, or if
  // only the state has changed. Of a Deleted object only the ID is valid.
  struct Listener {
    std::function<void(WatchEvent)> apply;
    std::function<void()> updated;
  };

  // `credentials` outlives this object.
  Reflector(Kind kind, Credentials& credentials, ListWatch::Options options, Listener listener);
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  // Runs until cancelled.
  base::Task<> run();
  // Returns true once everything that the server had at the call has been reported, false at
  // `deadline`. Throws ApiError or SyntaxError if the server's current version cannot be queried;
  // that query is not limited by `deadline`.
  base::Task<bool> catchUp(base::Event::Time deadline);

  [[nodiscard]] Kind kind() const { return kind_; }
  // Whether a first list is complete.
  [[nodiscard]] bool listed() const { return lists_ > 0; }
  [[nodiscard]] ListWatch::State state() const { return machine_.state(); }
  [[nodiscard]] const std::string& resourceVersion() const { return machine_.resourceVersion(); }
  // Why the watch fails now; empty while it works.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  // When the last bytes from the server arrived; nullopt before that.
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> heardAt() const {
    return heardAt_;
  }
  [[nodiscard]] std::string server() const { return client_.server(); }
  // Errors and warnings about objects, by object.
  [[nodiscard]] const std::map<ObjectId, std::vector<policy::Diagnostic>>& diagnostics() const {
    return diagnostics_;
  }

  struct Counters {
    std::uint64_t lists = 0;    // begun
    std::uint64_t watches = 0;  // begun
    std::uint64_t failures = 0;
    std::uint64_t events = 0;  // objects reported by lists and watches
    // Why watches ended.
    struct Restarts {
      std::uint64_t ended = 0;    // by the server, between two events
      std::uint64_t expired = 0;  // the server no longer has the version (410)
      std::uint64_t refused = 0;
      std::uint64_t broken = 0;  // broken or silent connection, or invalid bytes
      std::uint64_t wanted = 0;  // catchUp() requested a list
    };
    Restarts restarts;
    // From a request to the head of the response.
    base::Histogram listLatency{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30};
    base::Histogram watchLatency = listLatency;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const ApiClient::Counters& traffic() const { return client_.counters(); }

 private:
  enum class Body : unsigned char { None, List, Watch };

  base::Task<ListWatch::Event> perform(const ListWatch::Action& action);
  base::Task<ListWatch::Event> performOnce(const ListWatch::Action& action);
  base::Task<ListWatch::Event> wait(ListWatch::Time until);
  base::Task<ListWatch::Event> list(ListWatch::List list);
  base::Task<ListWatch::Event> watch(ListWatch::Watch watch);
  base::Task<ListWatch::Event> ask(std::string target, Body body);
  base::Task<ListWatch::Event> refused(const ResponseHead& head);
  base::Task<ListWatch::Event> read(ListWatch::Duration patience);
  base::Task<std::string> readWhole(ListWatch::Duration patience);
  base::Task<std::string> newestVersion(ApiClient& client);
  std::optional<ListWatch::Event> nextOfList();
  std::optional<ListWatch::Event> nextOfWatch();
  std::optional<ListWatch::Event> nextEvent();
  ListWatch::Event sweep();
  ListWatch::Event takeObject(ApiObject object);
  ListWatch::Event takeStatus(const ApiStatus& status);
  void report(const ApiObject& object);
  void countRestart(const ListWatch::Event& event);
  void fail(std::string why);
  void heard();
  void requestList();
  [[nodiscard]] bool distrusted() const { return wanted_ != begun_; }

  Kind kind_;
  Credentials& credentials_;
  ListWatch::Options options_;
  ListWatch machine_;
  Listener listener_;
  ApiClient client_;
  Body body_ = Body::None;
  bool streamingList_ = false;  // the current watch began as a list
  ListBody listBody_;
  WatchBody watchBody_;
  std::string_view part_;  // bytes of the body, owned by client_
  std::size_t at_ = 0;     // how many of them are processed
  KnownObjects known_;
  std::map<ObjectId, std::vector<policy::Diagnostic>> diagnostics_;
  base::LogLimit invalidLines_{100, std::chrono::seconds(60)};
  std::string trouble_;
  std::optional<std::chrono::system_clock::time_point> heardAt_;
  std::uint64_t lists_ = 0;  // number of complete lists
  // Lists requested by catchUp(): how many, and the last one that has begun and that is complete.
  std::uint64_t wanted_ = 0;
  std::uint64_t begun_ = 0;
  std::uint64_t done_ = 0;
  base::Event progress_;
  Counters counters_;
};

}  // namespace kpol::kube
