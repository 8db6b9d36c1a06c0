// SPDX-License-Identifier: Apache-2.0
#include "node/holder_connection.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

namespace kpol::node {
namespace {

using Word = HolderConnection::Word;

base::UniqueFd netfilterSocket(bool bound = true) {
  base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bound) {
    EXPECT_EQ(::bind(fd.value(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  return fd;
}

int openDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

class HolderMessages : public ::testing::Test {
 protected:
  HolderMessages() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()),
              0);
    raw_ = pair[0];
    ours_.emplace(base::UniqueFd(pair[1]));
    theirs_.emplace(base::UniqueFd(pair[0]));
  }
  // Sends a message as no HolderConnection does.
  void sendRaw(const std::string& text, const std::vector<int>& descriptors = {}) const {
    std::string bytes = text;
    iovec data{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    std::vector<char> control(CMSG_SPACE(sizeof(int) * descriptors.size()));
    if (!descriptors.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      auto* part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
      std::memcpy(CMSG_DATA(part), descriptors.data(), sizeof(int) * descriptors.size());
    }
    ASSERT_GE(::sendmsg(raw_, &header, MSG_NOSIGNAL), 0);
  }
  void expectInvalid(const std::string& text, const std::vector<int>& descriptors = {}) {
    SCOPED_TRACE("\"" + text + "\" with " + std::to_string(descriptors.size()));
    const int before = openDescriptors();
    sendRaw(text, descriptors);
    EXPECT_FALSE(ours_->receive());
    EXPECT_EQ(openDescriptors(), before);
  }

  int raw_ = -1;
  std::optional<HolderConnection> ours_;
  std::optional<HolderConnection> theirs_;
};

TEST_F(HolderMessages, ArriveAsSent) {
  const auto socket = netfilterSocket();
  ASSERT_TRUE(theirs_->send(Word::Keep, socket.value()));
  ASSERT_TRUE(theirs_->send(Word::Empty));
  const auto first = ours_->receive();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->word, Word::Keep);
  EXPECT_NE(first->socket.value(), socket.value());
  EXPECT_EQ(netlinkPort(first->socket.value()), netlinkPort(socket.value()));
  EXPECT_EQ(::fcntl(first->socket.value(), F_GETFD), FD_CLOEXEC);
  const auto second = ours_->receive();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->word, Word::Empty);
  EXPECT_FALSE(second->socket);
  EXPECT_FALSE(ours_->receive()) << "none has arrived";
  theirs_.reset();
  EXPECT_FALSE(ours_->receive()) << "the peer is gone";
  EXPECT_FALSE(ours_->send(Word::Kept));
}

TEST_F(HolderMessages, AnythingElseIsInvalidAndClosesItsDescriptors) {
  const auto socket = netfilterSocket();
  const auto unbound = netfilterSocket(false);
  const base::UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const base::UniqueFd route(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const int good = socket.value();
  expectInvalid("");
  expectInvalid("KK", {good});
  expectInvalid("x");
  expectInvalid("x", {good});
  expectInvalid("K");
  expectInvalid("H");
  expectInvalid("E", {good});
  expectInvalid("A", {good});
  expectInvalid("K", {good, good});
  expectInvalid("K", {good, good, good, good});
  expectInvalid("K", {file.value()});
  expectInvalid("K", {route.value()});
  expectInvalid("K", {unbound.value()});
  ASSERT_TRUE(theirs_->send(Word::Keep, good));
  EXPECT_TRUE(ours_->receive());
}

class HolderSocket : public ::testing::Test {
 protected:
  HolderSocket()
      : path_(holderPath(std::string(::testing::TempDir()) + "kpold-" + std::to_string(::getpid()) +
                         "/s")) {}
  ~HolderSocket() override {
    std::filesystem::remove_all(std::filesystem::path(path_).parent_path());
  }
  std::string path_;
};

TEST_F(HolderSocket, IsForItsOwnerOnlyAndReplacesAnother) {
  EXPECT_FALSE(HolderConnection::open(path_));
  const auto first = listenAsHolder(path_);
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0600U);
  auto client = HolderConnection::open(path_);
  ASSERT_TRUE(client);
  auto served = HolderConnection::accept(first.value());
  ASSERT_TRUE(served);
  const auto second = listenAsHolder(path_);
  ASSERT_TRUE(HolderConnection::open(path_));
  EXPECT_FALSE(HolderConnection::accept(first.value()));
  EXPECT_TRUE(HolderConnection::accept(second.value()));
  EXPECT_TRUE(served->send(Word::Empty)) << "earlier connections stay";
  EXPECT_TRUE(client->receive());
}

TEST_F(HolderSocket, FetchDoesNotWaitForAHolderThatDoesNotReply) {
  EXPECT_FALSE(fetchHeldSocket(path_));
  const auto listener = listenAsHolder(path_);
  EXPECT_FALSE(fetchHeldSocket(path_));
  auto abandoned = HolderConnection::accept(listener.value());
  ASSERT_TRUE(abandoned);
  EXPECT_FALSE(abandoned->send(Word::Empty));
}

TEST_F(HolderSocket, PathThatIsTooLongIsAnError) {
  const std::string path = path_ + std::string(200, 'x');
  EXPECT_FALSE(HolderConnection::open(path));
  EXPECT_ANY_THROW(listenAsHolder(path));
}

}  // namespace
}  // namespace kpol::node
