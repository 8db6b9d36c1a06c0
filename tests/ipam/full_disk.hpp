// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace kpol::test {

// A file system of 256 KiB at `path`, which the test fills. For kernel tests only: they run in a
// mount namespace of their own.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    EXPECT_EQ(::mount("none", path_.c_str(), "tmpfs", 0, "size=256k,nr_inodes=64"), 0);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
  [[nodiscard]] const std::string& path() const { return path_; }

  // From now on no file can grow. `journal` is padded to the end of its last page, which would
  // take more lines otherwise.
  void fill() const {
    const auto journal = path_ + "/ipam/leases";
    if (std::filesystem::exists(journal)) pad(journal);
    const int fd = ::open((path_ + "/ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const std::string page(4096, 'x');
    while (::write(fd, page.data(), page.size()) > 0) continue;
    ::close(fd);
    EXPECT_FALSE(std::ofstream(path_ + "/more").put('x').flush()) << "the disk is not full";
  }
  // Nor can a file be created.
  void fillInodes() const {
    fill();
    for (int i = 0; i < 64; ++i) std::ofstream(path_ + "/file" + std::to_string(i));
    EXPECT_FALSE(std::ofstream(path_ + "/another").is_open());
  }
  void makeRoom() const { std::filesystem::remove(path_ + "/ballast"); }

 private:
  static void pad(const std::string& journal) {
    const std::string begin = "last padding";
    const std::string end = " 10.9.9.9\n";
    auto missing = 4096 - std::filesystem::file_size(journal) % 4096;
    if (missing < begin.size() + end.size()) missing += 4096;
    std::ofstream(journal, std::ios::app)
        << begin << std::string(missing - begin.size() - end.size(), '-') << end;
  }

  std::string path_;
};

}  // namespace kpol::test
