// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace kpol::kube {

// Copies, in a directory of their own, of the last versions of manifest files without errors. If a
// file is invalid at the start of kpold, its copy is used; without it, the file's policies would be
// lost at a restart. Each copy is replaced atomically, but without fsync. Throws base::SystemError.
class LastGood {
 public:
  // Creates the directory, mode 0700, if it does not exist.
  explicit LastGood(std::filesystem::path directory);

  // Returns nullopt if there is no copy that can be read. Does not throw.
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
  // Writes nothing if the copy already has this text.
  void keep(const std::string& name, const std::string& text) const;
  void drop(const std::string& name) const;
  // Removes the copies of all other files.
  void dropAllBut(const std::set<std::string>& names) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace kpol::kube
