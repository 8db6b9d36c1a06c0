// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/backoff.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <variant>

namespace kpol::kube {

// Decides how one kind of object is followed at an API server: a list, then a watch from the list's
// version, and a new list if the server no longer has that version. Does no I/O: the caller reports
// events and gets the next action, one at a time.
//
// A list is either read in pages or, if the server supports it, a watch that begins with all
// objects (KEP-3157). After a complete list the action is Sweep, which removes the objects that the
// list did not contain. Objects are never removed otherwise, unless the server deletes them, so an
// interrupted list costs only time.
class ListWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Duration = Clock::duration;

  struct Options {
    unsigned pageLimit = 500;  // the default of client-go; a page of Pods has some megabytes
    bool streamingLists = true;
    // The server is requested to end each watch after a random time in this range, so that the
    // watches of many nodes are distributed over its instances again after one was restarted.
    std::chrono::seconds shortestWatch{300};
    std::chrono::seconds longestWatch{600};
    // The longest silence within a list, and before the head of any response.
    Duration patience = std::chrono::seconds(30);
    // The longest silence of a watch if one since the list has sent bookmarks: servers send one
    // about every minute. A server whose store was restored from a backup sends neither events nor
    // bookmarks to a watch that begins at a later version than its own, so after such a silence the
    // objects are listed again.
    Duration bookmarkPatience = std::chrono::seconds(150);
    Duration firstWait = std::chrono::milliseconds(250);
    Duration longestWait = std::chrono::seconds(30);
    Duration longestRetryAfter = std::chrono::minutes(5);
  };

  // What happened.
  struct Started {};
  struct Elapsed {};   // time passed
  struct Answered {};  // the head of a response with status 200
  struct Refused {     // another status, or a Status object in place of an event
    unsigned status = 0;
    std::optional<Duration> retryAfter;
  };
  struct PageRead {  // a page of a list was read to its end
    std::string resourceVersion;
    std::string continueToken;  // empty: it was the last
  };
  struct ObjectRead {  // an event of a watch, already processed
    std::string resourceVersion;
  };
  struct BookmarkRead {
    std::string resourceVersion;
    bool initialEventsEnd = false;
  };
  struct Ended {};   // the server ended a watch between two events
  struct Broken {};  // no connection, a broken or silent one, or invalid bytes
  struct Swept {};   // the Sweep was done
  // A caller must be sure that no event was missed, or the server's newest version is smaller than
  // ours, as after a restore of its store from a backup: list again.
  struct Distrust {};
  using Event = std::variant<Started, Elapsed, Answered, Refused, PageRead, ObjectRead,
                             BookmarkRead, Ended, Broken, Swept, Distrust>;

  // What to do. List and Watch are requests; the rest of any earlier response is discarded.
  struct Wait {
    Time until;
    bool operator==(const Wait&) const = default;
  };
  struct List {
    std::string continueToken;
    unsigned limit = 0;
    bool operator==(const List&) const = default;
    // True for the first page: from here on, record which objects are seen.
    [[nodiscard]] bool first() const { return continueToken.empty(); }
  };
  struct Watch {
    std::string resourceVersion;  // empty with initialEvents
    bool initialEvents = false;   // from here on, record which objects are seen
    std::chrono::seconds timeout{};
    bool operator==(const Watch&) const = default;
  };
  struct Read {  // read more of the response; fail after a silence of `patience`
    Duration patience{};
    bool operator==(const Read&) const = default;
  };
  struct Sweep {  // remove the objects not seen since the list began
    bool operator==(const Sweep&) const = default;
  };
  using Action = std::variant<Wait, List, Watch, Read, Sweep>;

  ListWatch(Options options, base::Backoff::Random random);
  ListWatch(const ListWatch&) = delete;
  ListWatch& operator=(const ListWatch&) = delete;

  Action resume(const Event& event, Time now);

  enum class State : unsigned char { Listing, Watching, Waiting };
  [[nodiscard]] State state() const;
  // The version of the known state; empty before the first list is complete.
  [[nodiscard]] const std::string& resourceVersion() const { return resourceVersion_; }
  // Failures since the last progress, or since a watch that lasted for a while.
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
  [[nodiscard]] bool wasSilent(Time now) const;
  void advance(const std::string& resourceVersion);
  void forgetList();

  Options options_;
  base::Backoff::Random random_;
  base::Backoff backoff_;
  bool listing_ = true;           // the list is not complete
  bool streamingOffered_ = true;  // as far as is known
  std::string resourceVersion_;
  std::string continueToken_;
  std::string listVersion_;  // the version of the list that is being read
  std::optional<Time> waitUntil_;
  std::chrono::seconds watchTimeout_{};
  Time askedAt_{};
  unsigned brokenStreams_ = 0;
  bool answered_ = false;           // this request has a response
  bool bookmarks_ = false;          // this watch has sent a bookmark
  bool bookmarksExpected_ = false;  // a watch since the list has sent a bookmark
  bool advanced_ = false;           // this watch has sent something new
};

const char* toString(ListWatch::State state);

}  // namespace kpol::kube
