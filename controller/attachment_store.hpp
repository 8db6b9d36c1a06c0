// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "conf/attachment.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kpol::controller {

// The attachments on disk, so that a new kpold knows the pods that an old one was told of: one file
// each under <state directory>/attachments. A file is complete or absent, also after a crash.
// Blocks on the disk.
class AttachmentStore {
 public:
  // Makes the directories (0700) that are missing. Throws base::SystemError.
  explicit AttachmentStore(std::filesystem::path stateDir);

  struct Loaded {
    std::vector<conf::Attachment> attachments;  // sorted by id
    std::vector<std::string> broken;            // a sentence for each file that cannot be taken
  };
  // What is on disk. A file that cannot be read, or has another's name, is left where it is and
  // reported. Temporary files of an interrupted save are removed.
  Loaded load();

  // Outlives this process, whole; may be lost with the power, as the pods are. Throws
  // base::SystemError.
  void save(const conf::Attachment& attachment);
  // Nothing to remove is fine. Throws base::SystemError.
  void remove(const conf::AttachmentId& id);

 private:
  std::filesystem::path stateDir_;
};

}  // namespace kpol::controller
