// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/backoff.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <variant>

namespace kpol::kube {

// How one kind of object is followed at an API server: a list, then a watch from where the list
// ended, and again when the server says that it has forgotten that place. A machine without I/O:
// told what happened, it says what to do. It never says more than one thing at a time.
//
// A list is either pages, or a watch that begins with all objects (KEP-3157) where the server
// offers that. When all of it was read the machine says Sweep: what the list did not hold is gone.
// Between Sweeps nothing known is ever dropped, so an interrupted list costs nothing but time.
class ListWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Duration = Clock::duration;

  struct Options {
    unsigned pageLimit = 500;  // as client-go asks; a page of Pods is then some megabytes
    bool streamingLists = true;
    // A server is asked to end a watch after a random time between these, so that the watches of
    // many nodes spread over its instances again after one was restarted.
    std::chrono::seconds shortestWatch{300};
    std::chrono::seconds longestWatch{600};
    // The longest silence within a list, and before the head of any answer.
    Duration patience = std::chrono::seconds(30);
    // The longest silence of a watch from which bookmarks come: servers send one about each minute.
    Duration bookmarkPatience = std::chrono::seconds(150);
    Duration firstWait = std::chrono::milliseconds(250);
    Duration longestWait = std::chrono::seconds(30);
    Duration longestRetryAfter = std::chrono::minutes(5);
  };

  // What happened.
  struct Started {};
  struct Elapsed {};   // time passed
  struct Answered {};  // the head of an answer with status 200
  struct Refused {     // another status, or a Status object in place of an event
    unsigned status = 0;
    std::optional<Duration> retryAfter;
  };
  struct PageRead {  // a page of a list, to its end
    std::string resourceVersion;
    std::string continueToken;  // empty: it was the last
  };
  struct ObjectRead {  // an event of a watch, already taken in
    std::string resourceVersion;
  };
  struct BookmarkRead {
    std::string resourceVersion;
    bool initialEventsEnd = false;
  };
  struct Ended {};     // the server ended a watch between two events
  struct Broken {};    // no connection, a cut or silent one, or bytes that make no sense
  struct Swept {};     // Sweep was done
  struct Distrust {};  // somebody wants to be sure that nothing is missed: list again
  using Event = std::variant<Started, Elapsed, Answered, Refused, PageRead, ObjectRead,
                             BookmarkRead, Ended, Broken, Swept, Distrust>;

  // What to do. List and Watch are requests, for which any answer under way is given up.
  struct Wait {
    Time until;
    bool operator==(const Wait&) const = default;
  };
  struct List {
    std::string continueToken;
    unsigned limit = 0;
    bool operator==(const List&) const = default;
    // From here on it counts which objects are seen.
    [[nodiscard]] bool first() const { return continueToken.empty(); }
  };
  struct Watch {
    std::string resourceVersion;  // empty with initialEvents
    bool initialEvents = false;   // from here on it counts which objects are seen
    std::chrono::seconds timeout{};
    bool operator==(const Watch&) const = default;
  };
  struct Read {  // the next part of the answer, with no longer silence than this
    Duration patience{};
    bool operator==(const Read&) const = default;
  };
  struct Sweep {  // drop what has not been seen since the list began
    bool operator==(const Sweep&) const = default;
  };
  using Action = std::variant<Wait, List, Watch, Read, Sweep>;

  ListWatch(Options options, base::Backoff::Random random);
  ListWatch(const ListWatch&) = delete;
  ListWatch& operator=(const ListWatch&) = delete;

  Action resume(const Event& event, Time now);

  enum class State : unsigned char { Listing, Watching, Waiting };
  [[nodiscard]] State state() const;
  // Of what is known; empty before the first list is complete.
  [[nodiscard]] const std::string& resourceVersion() const { return resourceVersion_; }
  // Failures since things last went well.
  [[nodiscard]] unsigned failures() const { return backoff_.failures(); }

 private:
  Action take(const Started&, Time) { return request(); }
  Action take(const Elapsed&, Time now);
  Action take(const Answered&, Time now);
  Action take(const Refused& refused, Time now);
  Action take(const PageRead& page, Time now);
  Action take(const ObjectRead& object, Time now);
  Action take(const BookmarkRead& bookmark, Time now);
  Action take(const Ended&, Time now);
  Action take(const Broken&, Time now);
  Action take(const Swept&, Time now);
  Action take(const Distrust&, Time now);

  Action request();
  Action retry(Time now, Duration atLeast = {});
  Action gone(Time now);
  [[nodiscard]] bool streams() const;
  bool cannotStream(unsigned status);
  [[nodiscard]] Action read() const;
  void advance(const std::string& resourceVersion);
  void forgetList();

  Options options_;
  base::Backoff::Random random_;
  base::Backoff backoff_;
  bool listing_ = true;           // the list is not complete
  bool streamingOffered_ = true;  // as far as is known
  std::string resourceVersion_;
  std::string continueToken_;
  std::string listVersion_;  // where the list that is being read ends
  std::optional<Time> waitUntil_;
  std::chrono::seconds watchTimeout_{};
  Time askedAt_{};
  unsigned brokenStreams_ = 0;
  bool answered_ = false;   // this request was
  bool bookmarks_ = false;  // this watch had one
  bool advanced_ = false;   // this watch told something new
};

const char* toString(ListWatch::State state);

}  // namespace kpol::kube
