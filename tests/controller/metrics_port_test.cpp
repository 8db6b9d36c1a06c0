// SPDX-License-Identifier: Apache-2.0
#include "controller/metrics_port.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using base::Task;
using base::asio::ip::tcp;

class MetricsPortTest : public testing::TestWithParam<const char*> {
 protected:
  static Task<Response> handle(Request /*request*/) {
    Response response;
    response.body = "here";
    co_return response;
  }
  MetricsPort portAt(std::uint16_t port) {
    return MetricsPort(conf::ListenAddress{base::IpAddress::parse(GetParam()).value(), port},
                       handle, group_, 1ms);
  }
  Task<std::string> get(std::uint16_t port) {
    tcp::socket socket(io_);
    const tcp::endpoint server(base::asio::ip::make_address(GetParam()), port);
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    std::string answer;
    co_await socket.async_connect(server, base::asio::use_awaitable);
    co_await base::asio::async_write(socket, base::asio::buffer(request),
                                     base::asio::use_awaitable);
    co_await base::asio::async_read(socket, base::asio::dynamic_buffer(answer),
                                    base::asio::as_tuple(base::asio::use_awaitable));
    co_return answer;
  }

  base::asio::io_context io_;
  base::TaskGroup group_{io_.get_executor()};
};

TEST_P(MetricsPortTest, IsServedOnceItIsFree) {
  auto holder = std::make_unique<tcp::acceptor>(
      io_, tcp::endpoint(base::asio::ip::make_address(GetParam()), 0));
  const auto number = holder->local_endpoint().port();
  auto port = portAt(number);
  std::string answer;
  const auto test = [&]() -> Task<> {
    while (port.trouble().empty()) co_await base::sleepFor(1ms);
    EXPECT_THAT(port.trouble(), testing::HasSubstr("--metrics-listen"));
    holder.reset();
    while (!port.trouble().empty()) co_await base::sleepFor(1ms);
    answer = co_await get(number);
    group_.cancel();
  };
  group_.spawn(port.run());
  group_.spawn(test());
  io_.run_for(30s);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhere")) << answer;
}

INSTANTIATE_TEST_SUITE_P(Families, MetricsPortTest, testing::Values("127.0.0.1", "::1"));

TEST(MetricsPort, WithoutAnAddressReturns) {
  base::asio::io_context io;
  base::TaskGroup group(io.get_executor());
  MetricsPort port(std::nullopt, nullptr, group);
  group.spawn(port.run());
  io.run_for(30s);
  EXPECT_EQ(group.size(), 0U);
  EXPECT_EQ(port.trouble(), "");
}

}  // namespace
}  // namespace kpol::controller
