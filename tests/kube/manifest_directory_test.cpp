// SPDX-License-Identifier: Apache-2.0
// inotify queues its events before the system call that causes them returns, so these tests never
// wait.
#include "kube/manifest_directory.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "tests/kube/events.hpp"
#include "tests/kube/faults.hpp"
#include "tests/support/manifest_text.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace kpol::kube::testing {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

std::string podText(const std::string& name, const std::string& uid = "u") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: " + name + ", uid: " + uid +
         "}\n---\n";
}
const std::string kNamespaceText =
    "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n---\n";

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// A file that a writer has open.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644)) {}
  void write(const std::string& text) {
    ASSERT_EQ(::write(fd_.value(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close() { fd_.reset(); }

 private:
  base::UniqueFd fd_;
};

class ManifestDirectoryTest : public ::testing::Test {
 protected:
  ManifestDirectoryTest() {
    std::string name = fs::temp_directory_path() / "kpol-manifests-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw base::SystemError("mkdtemp " + name, errno);
    root_ = name;
    directory_ = root_ / "policies";
    fs::create_directory(directory_);
    // Every test has the Namespace, so that events are of the objects it names.
    write("0-namespace.yaml", kNamespaceText);
  }
  ~ManifestDirectoryTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  [[nodiscard]] fs::path path(const std::string& name) const { return directory_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  void start() {
    source_.emplace(directory_);
    source_->read();
  }
  // The next events, and in `faults_` all diagnostics.
  Lines events() {
    const auto update = source_->read();
    faults_ = lines(update.diagnostics);
    EXPECT_FALSE(readable(source_->fd()));
    return lines(update.events);
  }

  fs::path root_;
  fs::path directory_;
  std::optional<ManifestDirectory> source_;
  Lines faults_;
};

TEST_F(ManifestDirectoryTest, FirstReadReturnsEverything) {
  write("b.yaml", podText("b"));
  write("a.yml", podText("a") + podText("c"));
  write("d.json", R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"node-1"}})");
  source_.emplace(directory_);
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Node node-1", "Added Pod shop/a",
                             "Added Pod shop/b", "Added Pod shop/c"}));
  EXPECT_EQ(faults_, Lines{});
  EXPECT_EQ(events(), Lines{});
}

// A later process, which has only the copies of the one before.
TEST_F(ManifestDirectoryTest, InvalidFileAtStartHasItsLastValidVersion) {
  const auto restart = [this] { source_.emplace(directory_, root_ / "copies"); };
  write("a.yaml", podText("a"));
  write("b.yaml", podText("b"));
  restart();
  events();
  source_.reset();
  write("a.yaml", "kind: [");
  restart();
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/a", "Added Pod shop/b"}));
  EXPECT_EQ(faults_.size(), 2U);  // what is wrong, and that the copy is used
  write("a.yaml", podText("c"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/c", "Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, CopyOfADeletedFileIsNotUsed) {
  write("a.yaml", podText("a"));
  source_.emplace(directory_, root_ / "copies");
  events();
  source_.reset();
  fs::remove(path("a.yaml"));
  source_.emplace(directory_, root_ / "copies");
  EXPECT_EQ(events(), (Lines{"Added Namespace shop"}));
  source_.reset();
  write("a.yaml", "kind: [");
  source_.emplace(directory_, root_ / "copies");
  EXPECT_EQ(events(), (Lines{"Added Namespace shop"}));
}

TEST_F(ManifestDirectoryTest, CopiesThatCannotBeWrittenAreReported) {
  source_.emplace(directory_, root_ / "copies");
  fs::remove_all(root_ / "copies");
  write("a.yaml", podText("a"));
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/a"}));
  EXPECT_EQ(faults_.size(), 2U);
}

TEST_F(ManifestDirectoryTest, OtherNamesAndDirectoriesAreIgnored) {
  for (const char* name :
       {".a.yaml", "a.yaml~", "a.yaml.swp", "a.txt", "4913", ".yaml", "yaml", "#a.yaml#"}) {
    write(name, podText("a"));
  }
  fs::create_directory(path("sub"));
  write("sub/a.yaml", podText("a"));
  source_.emplace(directory_);
  EXPECT_EQ(events(), (Lines{"Added Namespace shop"}));
  write(".b.yaml", podText("a"));
  write("sub/b.yaml", podText("a"));
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, FilesAreAddedChangedAndDeleted) {
  start();
  EXPECT_FALSE(readable(source_->fd()));
  write("a.yaml", podText("a") + podText("b"));
  EXPECT_TRUE(readable(source_->fd()));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/a", "Added Pod shop/b"}));
  write("a.yaml", podText("b", "other") + podText("c"));
  EXPECT_EQ(events(), (Lines{"Modified Pod shop/b", "Added Pod shop/c", "Deleted Pod shop/a"}));
  write("a.yaml", podText("b", "other") + podText("c"));
  EXPECT_EQ(events(), Lines{});
  fs::remove(path("a.yaml"));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/c", "Deleted Pod shop/b"}));
}

TEST_F(ManifestDirectoryTest, AnEmptiedFileDropsItsObjects) {
  write("a.yaml", podText("a"));
  start();
  write("a.yaml", "");
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, AFileRenamedIntoPlaceCounts) {
  write("a.yaml", podText("a"));
  start();
  write(".a.yaml.tmp", podText("b"));
  EXPECT_EQ(events(), Lines{});
  fs::rename(path(".a.yaml.tmp"), path("a.yaml"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, AFileMovedInAndOutCounts) {
  start();
  std::ofstream(root_ / "a.yaml") << podText("a");
  fs::rename(root_ / "a.yaml", path("a.yaml"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/a"}));
  fs::rename(path("a.yaml"), root_ / "a.yaml");
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, RenamingAFileChangesNothing) {
  write("a.yaml", podText("a"));
  start();
  fs::rename(path("a.yaml"), path("b.yaml"));
  EXPECT_EQ(events(), Lines{});
  fs::rename(path("b.yaml"), path("b.yaml.off"));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a"}));
  fs::rename(path("b.yaml.off"), path("b.yaml"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, LinkedFilesCountAtOnce) {
  start();
  std::ofstream(root_ / "a") << podText("a");
  std::ofstream(root_ / "b") << podText("b");
  fs::create_symlink(root_ / "a", path("a.yaml"));
  fs::create_hard_link(root_ / "b", path("b.yaml"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/a", "Added Pod shop/b"}));
}

TEST_F(ManifestDirectoryTest, AFileIsNotReadWhileItIsWritten) {
  write("a.yaml", podText("a"));
  start();
  OpenFile fresh(path("b.yaml"), 0);
  EXPECT_EQ(events(), Lines{});
  fresh.write(podText("b"));
  EXPECT_EQ(events(), Lines{});
  OpenFile again(path("a.yaml"), O_TRUNC);
  EXPECT_EQ(events(), Lines{});
  again.write(podText("c"));
  EXPECT_EQ(events(), Lines{});
  again.write(podText("d"));
  again.close();
  EXPECT_EQ(events(), (Lines{"Added Pod shop/c", "Added Pod shop/d", "Deleted Pod shop/a"}));
  fresh.close();
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b"}));
}

TEST_F(ManifestDirectoryTest, FileReopenedForWritingIsNotReadYet) {
  write("a.yaml", podText("a") + podText("b"));
  start();
  write("a.yaml", podText("a") + podText("b"));
  OpenFile again(path("a.yaml"), O_TRUNC);
  again.write(podText("a"));
  EXPECT_EQ(events(), Lines{});
  again.write(podText("c"));
  again.close();
  EXPECT_EQ(events(), (Lines{"Added Pod shop/c", "Deleted Pod shop/b"}));
}

TEST_F(ManifestDirectoryTest, FileDeletedAndRecreatedIsReplaced) {
  write("a.yaml", podText("a"));
  start();
  fs::remove(path("a.yaml"));
  OpenFile again(path("a.yaml"), 0);
  EXPECT_EQ(events(), Lines{});
  again.write(podText("a", "new"));
  again.close();
  EXPECT_EQ(events(), (Lines{"Modified Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, FullScanSkipsAFileBeingWritten) {
  write("a.yaml", podText("a"));
  write("z.yaml", podText("z"));
  start();
  OpenFile again(path("a.yaml"), O_TRUNC);
  fs::rename(path("z.yaml"), root_ / "z.yaml");  // moved away, which causes a full scan
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/z"}));
  again.write(podText("a"));
  again.close();
  EXPECT_EQ(events(), Lines{});
}

TEST_F(ManifestDirectoryTest, InvalidFileKeepsItsObjectsAndIsReported) {
  write("a.yaml", podText("a"));
  start();
  write("a.yaml", podText("b") + "{apiVersion: v1, kind: Pod, metadata: {name: X}}\n");
  EXPECT_EQ(events(), Lines{});
  const Lines fault{
      "error Pod default/X: metadata.name: a.yaml: document 2: must be lower case "
      "letters, digits, '-' and '.', with a letter or digit at both ends of every "
      "part, found \"X\""};
  EXPECT_EQ(faults_, fault);
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, fault);
  write("a.yaml", podText("b"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, DeletedInvalidFileDropsItsObjects) {
  write("a.yaml", podText("a"));
  start();
  write("a.yaml", "[");
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_.size(), 1U);
  fs::remove(path("a.yaml"));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, FileInvalidFromTheStartIsSkipped) {
  write("a.yaml", "\xff\xfe");
  write("b.yaml", podText("b"));
  source_.emplace(directory_);
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/b"}));
  EXPECT_EQ(faults_, (Lines{"error a.yaml: line 1: not UTF-8 text"}));
}

TEST_F(ManifestDirectoryTest, WarningsRemainUntilTheFileChanges) {
  write("a.yaml", "{apiVersion: v1, kind: Secret}");
  start();
  EXPECT_EQ(events(), Lines{});
  const Lines fault{
      "warning kind: a.yaml: document 1: \"Secret of v1\" is not used by kpol and is ignored"};
  EXPECT_EQ(faults_, fault);
  fs::remove(path("a.yaml"));
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, NonRegularFilesAreReported) {
  start();
  fs::create_directory(path("a.yaml"));
  ASSERT_EQ(::mkfifo(path("b.yaml").c_str(), 0600), 0);
  fs::create_symlink(root_ / "missing", path("c.yaml"));
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_,
            (Lines{"error a.yaml: is not a regular file", "error b.yaml: is not a regular file",
                   "error c.yaml: cannot be read: No such file or directory"}));
  for (const char* name : {"a.yaml", "b.yaml", "c.yaml"}) fs::remove(path(name));
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, TheSecondFileTakesOverWhenTheFirstIsRemoved) {
  write("a.yaml", podText("web", "first"));
  write("b.yaml", podText("web", "second"));
  start();
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, (Lines{"warning Pod shop/web: b.yaml: is ignored, the object is already "
                            "defined in a.yaml"}));
  fs::remove(path("a.yaml"));
  const auto update = source_->read();
  ASSERT_EQ(lines(update.events), (Lines{"Modified Pod shop/web"}));
  EXPECT_EQ(std::get<policy::Pod>(update.events[0].object).uid, "second");
  EXPECT_EQ(lines(update.diagnostics), Lines{});
}

TEST_F(ManifestDirectoryTest, NamespacesThatNoFileDefinesAreImplied) {
  start();
  fs::remove(path("0-namespace.yaml"));
  EXPECT_EQ(events(), (Lines{"Deleted Namespace shop"}));
  write("a.yaml", podText("a"));
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/a"}));
  write("0-namespace.yaml", kNamespaceText);
  EXPECT_EQ(events(), Lines{});  // it contains no more than is implied
  fs::remove(path("a.yaml"));
  fs::remove(path("0-namespace.yaml"));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a", "Deleted Namespace shop"}));
}

// What kubelet's atomic writer does to a ConfigMap volume.
TEST_F(ManifestDirectoryTest, ConfigMapVolumeIsReplacedAtOnce) {
  const auto version = [this](const std::string& name, const std::string& pod) {
    fs::create_directory(path(name));
    write(name + "/a.yaml", podText("a-" + pod));
    write(name + "/b.yaml", podText("b-" + pod));
  };
  version("..2024_01", "old");
  fs::create_symlink("..2024_01", path("..data"));
  fs::create_symlink("..data/a.yaml", path("a.yaml"));
  fs::create_symlink("..data/b.yaml", path("b.yaml"));
  start();
  version("..2024_02", "new");
  write("..2024_02/c.yaml", podText("c-new"));
  fs::create_symlink("..2024_02", path("..data_tmp"));
  EXPECT_EQ(events(), Lines{});
  fs::rename(path("..data_tmp"), path("..data"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/a-new", "Added Pod shop/b-new",
                             "Deleted Pod shop/b-old", "Deleted Pod shop/a-old"}));
  fs::create_symlink("..data/c.yaml", path("c.yaml"));
  fs::remove_all(path("..2024_01"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/c-new"}));
  fs::remove(path("..2024_02/b.yaml"));
  fs::remove(path("b.yaml"));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/b-new"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, DeletedDirectoryKeepsItsObjects) {
  write("a.yaml", podText("a"));
  start();
  fs::remove_all(directory_);
  EXPECT_TRUE(readable(source_->fd()));
  EXPECT_EQ(events(), Lines{});
  const Lines fault{"error " + directory_.string() +
                    ": is no longer a directory, its last objects stay in effect"};
  EXPECT_EQ(faults_, fault);
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_, fault);
  fs::create_directory(directory_);
  EXPECT_TRUE(readable(source_->fd()));
  EXPECT_EQ(events(), (Lines{"Deleted Pod shop/a", "Deleted Namespace shop"}));
  EXPECT_EQ(faults_, Lines{});
  write("a.yaml", podText("b"));
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/b"}));
}

TEST_F(ManifestDirectoryTest, RecreatedDirectoryIsReadCompletely) {
  write("a.yaml", podText("a"));
  start();
  fs::remove_all(directory_);
  fs::create_directory(directory_);
  write("0-namespace.yaml", kNamespaceText);
  write("b.yaml", podText("b"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, ReplacedDirectoryIsReadCompletely) {
  write("a.yaml", podText("a"));
  start();
  fs::create_directory(root_ / "next");
  std::ofstream(root_ / "next/0-namespace.yaml") << kNamespaceText;
  std::ofstream(root_ / "next/b.yaml") << podText("b");
  fs::rename(directory_, root_ / "last");
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_.size(), 1U);
  std::ofstream(root_ / "last/c.yaml") << podText("c");  // it is no longer the directory
  EXPECT_EQ(events(), Lines{});
  fs::rename(root_ / "next", directory_);
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, DeletedParentIsNoticed) {
  write("a.yaml", podText("a"));
  start();
  fs::remove_all(directory_);
  fs::remove_all(root_);
  EXPECT_EQ(events(), Lines{});
  EXPECT_EQ(faults_.size(), 1U);
  fs::create_directories(directory_);
  EXPECT_TRUE(readable(source_->fd()));
  write("a.yaml", podText("b"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
  EXPECT_EQ(faults_, Lines{});
}

TEST_F(ManifestDirectoryTest, ASymlinkedDirectoryFollowsItsLink) {
  const fs::path link = root_ / "link";
  fs::create_symlink("policies", link);
  write("a.yaml", podText("a"));
  source_.emplace(link);
  EXPECT_EQ(events(), (Lines{"Added Namespace shop", "Added Pod shop/a"}));
  fs::create_directory(root_ / "next");
  std::ofstream(root_ / "next/a.yaml") << podText("b");
  fs::create_symlink("next", root_ / "link.tmp");
  fs::rename(root_ / "link.tmp", link);
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
  write("a.yaml", podText("c"));
  EXPECT_EQ(events(), Lines{});
}

TEST_F(ManifestDirectoryTest, LostEventsCauseAFullScan) {
  write("a.yaml", podText("a"));
  start();
  std::ifstream limitFile("/proc/sys/fs/inotify/max_queued_events");
  std::size_t limit = 0;
  limitFile >> limit;
  ASSERT_GT(limit, 0U);
  // Each round makes two events, and equal events are only merged if they are adjacent.
  write(".x", "");
  for (std::size_t i = 0; i < limit / 2 + 10; ++i) {
    fs::rename(path(".x"), path(".y"));
    fs::rename(path(".y"), path(".x"));
  }
  fs::remove(path("a.yaml"));
  write("b.yaml", podText("b"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/b", "Deleted Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, BigFilesAndManyFiles) {
  start();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += podText("big-" + std::to_string(i));
  write("big.yaml", text);
  for (int i = 0; i < 200; ++i) {
    write("file-" + std::to_string(i) + ".yaml", podText("small-" + std::to_string(i)));
  }
  EXPECT_EQ(events().size(), 2200U);
  write("big.yaml", text + podText("one-more"));
  EXPECT_EQ(events(), (Lines{"Added Pod shop/one-more"}));
}

TEST_F(ManifestDirectoryTest, IsMovable) {
  start();
  ManifestDirectory moved = std::move(*source_);
  write("a.yaml", podText("a"));
  EXPECT_EQ(lines(moved.read().events), (Lines{"Added Pod shop/a"}));
}

TEST_F(ManifestDirectoryTest, NotADirectoryIsAnError) {
  const auto codeOf = [](const fs::path& path) {
    try {
      ManifestDirectory source(path);
      return 0;
    } catch (const base::SystemError& error) {
      return error.code();
    }
  };
  EXPECT_EQ(codeOf(root_ / "missing"), ENOENT);
  EXPECT_EQ(codeOf(path("0-namespace.yaml")), ENOTDIR);
  EXPECT_EQ(codeOf(directory_ / ""), 0);
}

}  // namespace
}  // namespace kpol::kube::testing
