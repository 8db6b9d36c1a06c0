// SPDX-License-Identifier: Apache-2.0
#include "kube/last_good.hpp"

#include "base/error.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace kpol::kube {

LastGood::LastGood(std::filesystem::path directory) : directory_(std::move(directory)) {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    throw base::SystemError("make " + directory_.string(), errno);
}

std::optional<std::string> LastGood::text(const std::string& name) const {
  std::ifstream file(directory_ / name, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void LastGood::keep(const std::string& name, const std::string& text) const {
  if (this->text(name) == text) return;
  const auto temporary = directory_ / ("." + name + ".new");
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(temporary, directory_ / name, error);
  if (!file || error)
    throw base::SystemError("store a copy in " + directory_.string(), error ? error.value() : EIO);
}

void LastGood::drop(const std::string& name) const {
  std::error_code error;
  std::filesystem::remove(directory_ / name, error);
  if (error) throw base::SystemError("remove a copy in " + directory_.string(), error.value());
}

void LastGood::dropAllBut(const std::set<std::string>& names) const {
  std::vector<std::string> others;
  std::error_code error;
  std::filesystem::directory_iterator it(directory_, error);
  for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) {
    auto name = it->path().filename().string();
    if (!names.contains(name)) others.push_back(std::move(name));
  }
  if (error) throw base::SystemError("list " + directory_.string(), error.value());
  for (const auto& name : others) drop(name);
}

}  // namespace kpol::kube
