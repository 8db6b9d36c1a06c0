// SPDX-License-Identifier: Apache-2.0
#include "controller/attachment_store.hpp"

#include "tests/controller/temporary_directory.hpp"
#include "tests/controller/values.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

namespace fs = std::filesystem;
using Attachments = std::vector<conf::Attachment>;

const auto kWeb = attachment("c1", "web", "kpol1", "10.0.0.1", "u1");
const auto kApi = attachment("c2", "api", "kpol2", "10.0.0.2");

TEST(AttachmentStore, CreatesPrivateDirectories) {
  const TemporaryDirectory directory;
  const auto state = directory.path() / "a" / "b";
  AttachmentStore store(state);
  for (const auto& made : {state.parent_path(), state, state / "attachments"})
    EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all) << made;
}

TEST(AttachmentStore, LoadsSavedAttachments) {
  const TemporaryDirectory directory;
  {
    AttachmentStore store(directory.path());
    store.save(kApi);
    store.save(kWeb);
  }
  const auto loaded = AttachmentStore(directory.path()).load();
  EXPECT_EQ(loaded.attachments, (Attachments{kWeb, kApi}));
  EXPECT_EQ(loaded.broken, std::vector<std::string>{});
}

TEST(AttachmentStore, SaveReplaces) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  store.save(kWeb);
  const auto changed = attachment("c1", "web", "kpol1", "10.0.0.9");
  store.save(changed);
  EXPECT_EQ(store.load().attachments, Attachments{changed});
}

TEST(AttachmentStore, RemoveMayBeRepeated) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  store.save(kWeb);
  store.remove(conf::idOf(kWeb));
  EXPECT_EQ(store.load().attachments, Attachments{});
  EXPECT_NO_THROW(store.remove(conf::idOf(kWeb)));
}

TEST(AttachmentStore, FilesArePrivate) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  store.save(kWeb);
  EXPECT_EQ(fs::status(directory.path() / conf::fileOf(conf::idOf(kWeb))).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST(AttachmentStore, InvalidFilesAreReportedAndKept) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  store.save(kWeb);
  directory.write("attachments/c8-eth0.json", "{");
  directory.write("attachments/c9-eth0.json", "");
  const auto loaded = store.load();
  EXPECT_EQ(loaded.attachments, Attachments{kWeb});
  ASSERT_EQ(loaded.broken.size(), 2U);
  EXPECT_NE(loaded.broken[0].find("c8-eth0.json"), std::string::npos) << loaded.broken[0];
  EXPECT_NE(loaded.broken[1].find("c9-eth0.json"), std::string::npos) << loaded.broken[1];
  EXPECT_EQ(directory.read("attachments/c8-eth0.json"), "{");
}

TEST(AttachmentStore, FileWithAnotherNameIsRejected) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  directory.write("attachments/other.json", conf::print(kWeb));
  const auto loaded = store.load();
  EXPECT_EQ(loaded.attachments, Attachments{});
  EXPECT_EQ(loaded.broken.size(), 1U);
}

TEST(AttachmentStore, InterruptedSaveKeepsThePreviousFile) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  store.save(kWeb);
  const std::string temporary = conf::fileOf(conf::idOf(kWeb)) + ".tmp";
  directory.write(temporary, "{\"contai");
  const auto loaded = store.load();
  EXPECT_EQ(loaded.attachments, Attachments{kWeb});
  EXPECT_EQ(loaded.broken, std::vector<std::string>{});
  EXPECT_FALSE(fs::exists(directory.path() / temporary));
}

TEST(AttachmentStore, FailedSaveLeavesNoFile) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  const std::string file = conf::fileOf(conf::idOf(kWeb));
  fs::create_directories(directory.path() / file);  // so that it cannot be renamed into place
  EXPECT_THROW(store.save(kWeb), base::SystemError);
  EXPECT_FALSE(fs::exists(directory.path() / (file + ".tmp")));
}

TEST(AttachmentStore, FailedSaveThrows) {
  const TemporaryDirectory directory;
  AttachmentStore store(directory.path());
  fs::remove(directory.path() / "attachments");
  EXPECT_THROW(store.save(kWeb), base::SystemError);
}

}  // namespace
}  // namespace kpol::controller
