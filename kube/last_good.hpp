// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

namespace kpol::kube {

// Copies, in a directory of their own, of manifest files as they last were without an error. A file
// that is broken when its reader starts is not known to say anything else: without the copy, its
// policies would end with a restart. Each copy is replaced atomically. Throws base::SystemError.
class LastGood {
 public:
  // Makes the directory, mode 0700, where it is absent.
  explicit LastGood(std::filesystem::path directory);

  // Nothing when there is no copy.
  [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
  // Does not write what is there already.
  void keep(const std::string& name, const std::string& text) const;
  void drop(const std::string& name) const;
  // Drops the copies of all other files.
  void dropAllBut(const std::set<std::string>& names) const;

 private:
  std::filesystem::path directory_;
};

}  // namespace kpol::kube
