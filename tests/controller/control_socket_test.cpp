// SPDX-License-Identifier: Apache-2.0
#include "controller/control_socket.hpp"

#include "tests/controller/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

namespace kpol::controller {
namespace {

namespace fs = std::filesystem;

// A listening socket of another program.
base::UniqueFd listenPlainly(const fs::path& path) {
  base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(::bind(fd.value(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::listen(fd.value(), 1), 0);
  return fd;
}

TEST(ControlSocket, IsForItsOwnerOnly) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "run" / "kpold.sock";
  const ControlSocket socket(path);
  EXPECT_EQ(fs::status(path).type(), fs::file_type::socket);
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ControlSocket, IsHeldByOneAtATime) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  {
    const ControlSocket first(path);
    EXPECT_THROW(ControlSocket second(path), SocketInUse);
    EXPECT_TRUE(fs::exists(path)) << "a rejected second one deletes nothing";
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_NO_THROW(ControlSocket third(path));
}

TEST(ControlSocket, ReplacesAStaleSocket) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  { const auto dead = listenPlainly(path); }
  ASSERT_TRUE(fs::exists(path));
  EXPECT_NO_THROW(ControlSocket socket(path));
}

TEST(ControlSocket, KeepsAnotherProgramsSocket) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "s";
  const auto alive = listenPlainly(path);
  EXPECT_THROW(ControlSocket socket(path), SocketInUse);
  EXPECT_TRUE(fs::exists(path));
}

TEST(ControlSocket, TooLongPathIsRejected) {
  const TemporaryDirectory directory;
  EXPECT_THROW(ControlSocket socket(directory.path() / std::string(120, 'x')), base::SystemError);
}

}  // namespace
}  // namespace kpol::controller
