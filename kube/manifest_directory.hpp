// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace kpol::kube {

// A directory of manifests (*.yaml, *.yml, *.json; not below it; hidden files are left out) as a
// source of objects, followed by inotify. A file counts when it is complete: closed after writing,
// or renamed into place. A file that cannot be read or has an error keeps the objects it gave last
// and is reported until it is mended or removed. An object defined in two files is that of the
// first by name; the other is reported. A Namespace that no file defines but that some object is in
// exists with only its kubernetes.io/metadata.name label.
//
// Symlinks are read, but only their own change is noticed, not that of a target elsewhere; the
// exception is a ConfigMap or Secret volume, whose files are replaced together by renaming
// "..data".
//
// Threading: one thread. Never blocks on anything but the disk.
class ManifestDirectory {
 public:
  // Throws base::SystemError when the directory cannot be read or watched. In `lastGood`, where it
  // is given, copies of the files are kept as they last were without an error, so that a file that
  // is broken at the first read gives the objects it gave before a restart.
  explicit ManifestDirectory(std::filesystem::path directory,
                             std::optional<std::filesystem::path> lastGood = std::nullopt);
  ~ManifestDirectory();
  ManifestDirectory(ManifestDirectory&&) noexcept;
  ManifestDirectory& operator=(ManifestDirectory&&) noexcept;

  // Readable when read() may have something new.
  [[nodiscard]] int fd() const;

  struct Update {
    std::vector<WatchEvent> events;  // since the last call; at the first one all objects, Added
    std::vector<policy::Diagnostic> diagnostics;  // all that stand now, sorted
  };
  // Takes in everything that was complete in the directory when it was called. Cost follows the
  // files that changed. A lost inotify queue (IN_Q_OVERFLOW) or a directory that was removed and
  // made again is read as a whole; a directory that is gone keeps the last objects and is reported.
  Update read();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
