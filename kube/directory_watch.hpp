// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <set>
#include <string>

struct inotify_event;

namespace kpol::kube {

// Reports changes of the entries of one directory, by inotify(7), in terms of complete files: an
// entry has changed when it was closed after writing, linked or renamed into place, or removed, but
// not while it is being written.
//
// The directory may be removed and created again, or be replaced: an ancestor is watched too.
class DirectoryWatch {
 public:
  // Throws base::SystemError if the directory cannot be watched.
  explicit DirectoryWatch(std::filesystem::path directory);

  [[nodiscard]] int fd() const { return inotify_.value(); }
  // False while there is no directory at the path.
  [[nodiscard]] bool attached() const { return directoryWatch_ >= 0; }
  // The entries that have been written to and not closed since.
  [[nodiscard]] const std::set<std::string>& beingWritten() const { return writing_; }

  struct Changes {
    bool rescan = false;          // anything may have changed
    std::set<std::string> names;  // changed entries; none is being written
    [[nodiscard]] bool empty() const { return !rescan && names.empty(); }
  };
  // Returns all changes since the last call. Does not block. Throws base::SystemError if the events
  // cannot be read.
  Changes drain();

 private:
  struct Batch;
  void attach();
  void watchAncestor();
  void readAll(Batch& batch);
  bool readEvents(Batch& batch);
  void takeEvent(const inotify_event& event, Batch& batch);
  void takeEntryEvent(const inotify_event& event, Batch& batch);
  void settleCreated(Batch& batch);

  std::filesystem::path directory_;
  base::UniqueFd inotify_;
  int directoryWatch_ = -1;
  int ancestorWatch_ = -1;
  std::string ancestorEntry_;  // the path component below the watched ancestor
  bool attachDue_ = false;     // a watch was lost, or the path may have changed
  std::set<std::string> writing_;
};

}  // namespace kpol::kube
