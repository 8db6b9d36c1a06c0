// SPDX-License-Identifier: Apache-2.0
#include "base/async/supervise.hpp"

#include "base/async/asio.hpp"
#include "base/async/backoff.hpp"
#include "base/async/event.hpp"
#include "base/log.hpp"

#include <chrono>
#include <exception>
#include <optional>

namespace kpol::base {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstWait = 100ms;
constexpr auto kLongestWait = 30s;
// A run that lasted this long was healthy: after its failure the waits start from the beginning.
constexpr auto kHealthy = 1min;

// Returns the error of `run`, or nullopt if `run` returned. A function of its own, because a
// coroutine cannot wait inside a catch block.
Task<std::optional<std::string>> failureOf(const std::function<Task<>()>& run) {
  std::optional<std::string> failure;
  try {
    co_await run();
  } catch (const boost::system::system_error& error) {
    if (isCancelled(error.code())) throw;
    failure = error.what();
  } catch (const asio::multiple_exceptions&) {
    throw;  // thrown when two concurrent operations were cancelled
  } catch (const std::exception& error) {
    failure = error.what();
  }
  co_return failure;
}

}  // namespace

Task<> supervise(std::string name, std::function<Task<>()> run) {
  Backoff backoff(kFirstWait, kLongestWait, systemRandom());
  for (;;) {
    const auto started = std::chrono::steady_clock::now();
    const std::optional<std::string> failure = co_await failureOf(run);
    if (!failure) co_return;
    if (std::chrono::steady_clock::now() - started > kHealthy) backoff.reset();
    const auto wait = backoff.next();
    const auto waitMs = std::chrono::duration_cast<std::chrono::milliseconds>(wait).count();
    logError("task failed, restarting it",
             {{"task", name}, {"wait_ms", waitMs}, {"error", *failure}});
    co_await sleepFor(wait);
  }
}

}  // namespace kpol::base
