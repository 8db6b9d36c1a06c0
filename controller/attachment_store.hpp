// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "conf/attachment.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kpol::controller {

// The attachments on disk, one file each under <state directory>/attachments, so that a new kpold
// process knows the pods registered with its predecessor. After a crash each file is either
// complete or absent. Blocks on disk I/O.
class AttachmentStore {
 public:
  // Creates missing directories with mode 0700. Throws base::SystemError.
  explicit AttachmentStore(std::filesystem::path stateDir);

  struct Loaded {
    std::vector<conf::Attachment> attachments;  // sorted by id
    std::vector<std::string> broken;            // one sentence for each file that cannot be loaded
  };
  // Loads all attachments. A file that cannot be read, or whose name does not match its content, is
  // left in place and reported. Temporary files of an interrupted save are removed. Throws
  // std::filesystem::filesystem_error if the directory cannot be read.
  Loaded load();

  // The complete file survives this process. A power failure may lose it, but that ends the pods
  // too. Throws base::SystemError.
  void save(const conf::Attachment& attachment);
  // Succeeds if there is no such attachment. Throws base::SystemError.
  void remove(const conf::AttachmentId& id);

 private:
  std::filesystem::path stateDir_;
};

}  // namespace kpol::controller
