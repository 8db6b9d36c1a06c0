// SPDX-License-Identifier: Apache-2.0
#include "node/atomic_file.hpp"

#include "base/error.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace kpol::node {
namespace {

struct stat statusOf(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

std::set<std::string> namesIn(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.insert(entry.path().filename());
  return names;
}

TEST(AtomicFile, IsCreatedWithDirectoriesContentAndMode) {
  const test::TemporaryDirectory directory;
  const auto path = directory.file("a/b/f");
  // The mode is the requested one, independent of the umask.
  const auto mask = ::umask(077);
  EXPECT_EQ(writeFile(path, "x\n", 0755), Written::New);
  ::umask(mask);
  EXPECT_EQ(readFile(path), "x\n");
  EXPECT_EQ(statusOf(path).st_mode & 07777, 0755U);
}

TEST(AtomicFile, IsNotWrittenIfUnchanged) {
  const test::TemporaryDirectory directory;
  const auto path = directory.file("f");
  writeFile(path, "x", 0644);
  const auto before = statusOf(path);
  EXPECT_EQ(writeFile(path, "x", 0644), Written::Unchanged);
  const auto after = statusOf(path);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

TEST(AtomicFile, ReplacementIsANewFile) {
  const test::TemporaryDirectory directory;
  const auto path = directory.file("f");
  writeFile(path, "old", 0644);
  const auto before = statusOf(path);
  EXPECT_EQ(writeFile(path, "new", 0644), Written::Replaced);
  EXPECT_NE(statusOf(path).st_ino, before.st_ino);
  EXPECT_EQ(writeFile(path, "new", 0755), Written::Replaced);
  EXPECT_EQ(statusOf(path).st_mode & 07777, 0755U);
  EXPECT_EQ(readFile(path), "new");
}

TEST(AtomicFile, ReplacesASymlinkAndNotItsTarget) {
  const test::TemporaryDirectory directory;
  test::writeFile(directory.file("other"), "theirs");
  ASSERT_EQ(::symlink("other", directory.file("f").c_str()), 0);
  EXPECT_EQ(writeFile(directory.file("f"), "theirs", 0644), Written::Replaced);
  EXPECT_TRUE(S_ISREG(statusOf(directory.file("f")).st_mode));
  EXPECT_EQ(test::readFile(directory.file("other")), "theirs");
}

TEST(AtomicFile, DeletesTemporaryFilesOfACrashedWriter) {
  const test::TemporaryDirectory directory;
  test::writeFile(directory.file(".f.kpol-abcdef"), "half");
  test::writeFile(directory.file(".f.other"), "theirs");
  writeFile(directory.file("f"), "x", 0644);
  EXPECT_EQ(namesIn(directory.path()), (std::set<std::string>{".f.other", "f"}));
}

TEST(AtomicFile, LeavesNothingWhenItFails) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directory(directory.file("f"));
  test::writeFile(directory.file("f/inside"), "");
  EXPECT_THROW(writeFile(directory.file("f"), "x", 0644), base::SystemError);
  EXPECT_EQ(namesIn(directory.path()), std::set<std::string>{"f"});
}

TEST(AtomicFile, ErrorNamesThePath) {
  const test::TemporaryDirectory directory;
  test::writeFile(directory.file("file"), "");
  try {
    writeFile(directory.file("file/f"), "x", 0644);
    FAIL();
  } catch (const base::SystemError& error) {
    EXPECT_NE(std::string(error.what()).find(directory.file("file")), std::string::npos)
        << error.what();
  }
}

TEST(AtomicFile, MissingFileIsNullopt) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(readFile(directory.file("f")), std::nullopt);
  EXPECT_THROW(readFile(directory.path()), base::SystemError);
}

}  // namespace
}  // namespace kpol::node
