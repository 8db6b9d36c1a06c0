// SPDX-License-Identifier: Apache-2.0
#include "node/plugin_binary.hpp"

#include "base/error.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace kpol::node {
namespace {

std::string refusal(const std::filesystem::path& source, const std::filesystem::path& directory) {
  try {
    installPlugin(source, directory);
  } catch (const base::Error& error) {
    return error.what();
  }
  return "";
}

TEST(PluginBinary, IsRecognizedByItsMarker) {
  EXPECT_TRUE(isPlugin(*readFile(KPOL_BINARY)));
  // kpold looks for the mark, and must not be taken for the plugin because of that.
  EXPECT_FALSE(isPlugin(*readFile(KPOLD_BINARY)));
  EXPECT_FALSE(isPlugin(""));
  EXPECT_FALSE(isPlugin("#!/bin/sh\nkpol.io/cni-plugin\n"));
}

TEST(PluginBinary, IsInstalledOnce) {
  const test::TemporaryDirectory directory;
  const auto target = directory.file("bin/kpol");
  EXPECT_EQ(installPlugin(KPOL_BINARY, directory.file("bin")), Written::New);
  EXPECT_EQ(readFile(target), readFile(KPOL_BINARY));
  struct stat status {};
  ASSERT_EQ(::stat(target.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755U);
  EXPECT_EQ(installPlugin(KPOL_BINARY, directory.file("bin")), Written::Unchanged);
}

TEST(PluginBinary, ReplacesAnOlderOne) {
  const test::TemporaryDirectory directory;
  test::writeFile(directory.file("kpol"), "an older version");
  EXPECT_EQ(installPlugin(KPOL_BINARY, directory.path()), Written::Replaced);
  EXPECT_EQ(readFile(directory.file("kpol")), readFile(KPOL_BINARY));
}

TEST(PluginBinary, RejectsOtherFilesAndKeepsTheInstalledOne) {
  const test::TemporaryDirectory directory;
  test::writeFile(directory.file("kpol"), "an older version");
  EXPECT_EQ(refusal(directory.file("none"), directory.path()),
            "install the plugin: " + directory.file("none") +
                " (set --plugin-binary to the path of kpol): No such file or directory");
  EXPECT_EQ(refusal(KPOLD_BINARY, directory.path()),
            std::string("install the plugin: ") + KPOLD_BINARY +
                " is not kpol's plugin; set --plugin-binary to the path of kpol");
  EXPECT_EQ(readFile(directory.file("kpol")), "an older version");
}

}  // namespace
}  // namespace kpol::node
