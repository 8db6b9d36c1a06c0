// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace kpol::kube {

// A directory of manifests (*.yaml, *.yml, *.json; no subdirectories or hidden files) as a source
// of objects, watched with inotify. A file is read when it is complete: closed after writing, or
// renamed into place. A file that cannot be read or has an error keeps its last objects, and is
// reported until it is corrected or removed. If two files define an object, the first file by name
// wins and the other is reported. A Namespace that no file defines, but that contains an object,
// exists with only its kubernetes.io/metadata.name label.
//
// Symlinks are read, but only changes of the link itself are noticed, not of a target elsewhere. An
// exception is a ConfigMap or Secret volume, whose files are replaced together by renaming
// "..data".
//
// One thread. Blocks only on disk I/O.
class ManifestDirectory {
 public:
  // Throws base::SystemError if the directory cannot be read or watched, or `lastGood` cannot be
  // created or read. If `lastGood` is given, it keeps copies of the last versions of the files
  // without errors: a file that is invalid at the first read then provides the objects it had
  // before the restart.
  explicit ManifestDirectory(std::filesystem::path directory,
                             std::optional<std::filesystem::path> lastGood = std::nullopt);
  ~ManifestDirectory();
  ManifestDirectory(ManifestDirectory&&) noexcept;
  ManifestDirectory& operator=(ManifestDirectory&&) noexcept;

  // Readable if read() may return changes.
  [[nodiscard]] int fd() const;

  struct Update {
    std::vector<WatchEvent> events;  // since the last call; at first all objects, Added
    std::vector<policy::Diagnostic> diagnostics;  // all current ones, sorted
  };
  // Reads everything in the directory that was complete at the call. The cost depends on the files
  // that changed. After an overflow of the inotify queue (IN_Q_OVERFLOW), or if the directory was
  // removed and created again, reads all files. While the directory does not exist, its last
  // objects are kept and an error is reported. Throws base::SystemError if inotify cannot be read.
  Update read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
