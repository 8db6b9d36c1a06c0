// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <filesystem>
#include <set>
#include <string>

struct inotify_event;

namespace kpol::kube {

// What happened to the entries of one directory, by inotify(7), in terms of whole files: an entry
// counts as changed when it was closed after writing, linked or renamed into place, or removed; not
// while it is being written.
//
// The directory may vanish and be made again, or be replaced: an ancestor is watched beside it.
class DirectoryWatch {
 public:
  // Throws base::SystemError when the directory cannot be watched.
  explicit DirectoryWatch(std::filesystem::path directory);

  [[nodiscard]] int fd() const { return inotify_.value(); }
  // False while there is no directory at the path.
  [[nodiscard]] bool attached() const { return directoryWatch_ >= 0; }
  // Entries written to since they were last closed.
  [[nodiscard]] const std::set<std::string>& beingWritten() const { return writing_; }

  struct Changes {
    bool rescan = false;          // anything may have changed
    std::set<std::string> names;  // these have; none of them is being written
    [[nodiscard]] bool empty() const { return !rescan && names.empty(); }
  };
  // All that happened since the last call. Does not block.
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
  std::string ancestorEntry_;  // the next part of the path below the watched ancestor
  bool attachDue_ = false;     // a watch was lost, or the path may lead elsewhere now
  std::set<std::string> writing_;
};

}  // namespace kpol::kube
