// SPDX-License-Identifier: Apache-2.0
// A reflector with a server that fails in all the ways of servers and networks. In the end it has
// the server's objects, and meanwhile it keeps the objects that it had.
#include "kube/reflector.hpp"

#include "base/async/asio.hpp"
#include "tests/kube/fake_api.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kpol::kube {
namespace {

using namespace std::chrono_literals;
using base::Task;
using testing::Exchange;
using testing::FakeApi;
using testing::ReflectorRun;
using testing::ScriptedServer;
using Pods = std::map<std::string, std::string>;

class ReflectorTest : public ::testing::Test {
 protected:
  // The script responds instead of the API if it returns true.
  using Fault = std::function<Task<bool>(Exchange&)>;

  explicit ReflectorTest(ListWatch::Options options = ReflectorRun::fast()) : run(options) {
    for (int i = 0; i < 7; ++i) api.put("p" + std::to_string(i), "1");
  }

  void play(Fault theFault, std::function<Task<>()> body) {
    fault = std::move(theFault);
    server = std::make_unique<ScriptedServer>(
        run.io, [this](Exchange& exchange) { return script(exchange); });
    run.servers.push_back(server.get());
    run.config.servers.push_back({false, "127.0.0.1", server->port(), {}});
    run.run(body());
  }
  Task<> script(Exchange& exchange) {
    bool done = false;
    if (fault) done = co_await fault(exchange);
    if (!done) co_await api.answer(exchange);
  }
  Task<> same() {
    return run.until([this] { return run.told.pods() == api.pods() && run.reflector->listed(); },
                     "the same pods as the server");
  }
  // The server's pods, then one more change through the watch.
  Task<> sameAndFollowing() {
    co_await same();
    api.put("last", "1");
    co_await same();
  }
  std::size_t asked(std::function<bool(const testing::Asked&)> which) const {
    return static_cast<std::size_t>(std::ranges::count_if(server->log, which));
  }
  static bool isWatch(const testing::Asked& asked) {
    return asked.isWatch() && !asked.isInitialWatch();
  }
  static bool isFirstPage(const testing::Asked& asked) {
    return !asked.isWatch() && !asked.query.contains("continue");
  }

  FakeApi api;
  ReflectorRun run;
  Fault fault;
  std::unique_ptr<ScriptedServer> server;
  int count = 0;
};

TEST_F(ReflectorTest, FollowsPagesAndAWatch) {
  play({}, [this]() -> Task<> {
    co_await same();
    api.put("p3", "2");
    api.remove("p0");
    api.put("new", "1");
    co_await same();
  });
  EXPECT_EQ(asked(isFirstPage), 1U);
  EXPECT_EQ(asked([](const auto& a) { return a.query.contains("continue"); }), 2U);
  EXPECT_EQ(server->connections, 1U);
  EXPECT_EQ(run.reflector->counters().failures, 0U);
  EXPECT_EQ(run.reflector->trouble(), "");
}

TEST_F(ReflectorTest, FollowsAStreamingList) {
  api.streamingLists = true;
  play({}, [this]() -> Task<> {
    co_await sameAndFollowing();
    api.endWatches();
    api.put("p3", "2");
    co_await same();
  });
  EXPECT_EQ(asked(isFirstPage), 0U);
  EXPECT_EQ(asked(isWatch), 1U);
}

// An API server with an old etcd accepts the stream, and then returns the error in it.
TEST_F(ReflectorTest, UnsupportedStreamIsNotAFailure) {
  play(
      [](Exchange& exchange) -> Task<bool> {
        if (!exchange.asked.isInitialWatch()) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::eventText(
            "ERROR", FakeApi::statusText(500, "the required storage feature is disabled")));
        co_await exchange.end();
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(asked([](const auto& a) { return a.isInitialWatch(); }), 1U);
  EXPECT_EQ(asked(isFirstPage), 1U);
  EXPECT_EQ(run.reflector->counters().failures, 0U);
}

// Each byte of a watch as its own chunk and packet.
TEST_F(ReflectorTest, BytewiseResponses) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        const std::string text = FakeApi::eventText("ADDED", FakeApi::podText("x", "1", 100)) +
                                 FakeApi::eventText("DELETED", FakeApi::podText("x", "1", 101));
        co_await exchange.begin();
        for (const char c : text) {
          std::string byte(1, c);
          co_await exchange.chunk(std::move(byte));
        }
        co_await exchange.end();
        co_return true;
      },
      [this]() -> Task<> {
        co_await run.until(
            [this] { return !run.told.changes.empty() && run.told.changes.back() == "-x"; },
            "x came and went");
        EXPECT_EQ(run.reflector->resourceVersion(), "101");
      });
}

// The watch's bytes end after each possible length of its first event, also inside a character.
TEST_F(ReflectorTest, WatchCutAtEveryByteOfAnEvent) {
  const std::string text = FakeApi::eventText("MODIFIED", FakeApi::podText("p1", "cut", 90));
  std::size_t size = 0;
  play(
      [&](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || size >= text.size() - 2) co_return false;
        std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        head += "ffff\r\n" + text.substr(0, size++);
        co_await exchange.send(std::move(head));
        exchange.closes = true;
        co_return true;
      },
      [&]() -> Task<> {
        co_await same();
        co_await run.until([&] { return size >= text.size() - 2; }, "all lengths");
        EXPECT_EQ(run.told.pods().at("p1"), "1");
        api.put("p1", "2");
        co_await same();
      });
  EXPECT_EQ(asked(isFirstPage), 1U);  // no cut was a reason to list again
}

TEST_F(ReflectorTest, DuplicateEventsChangeNothing) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        std::string text;
        for (int i = 0; i < 5; ++i)
          text += FakeApi::eventText("ADDED", FakeApi::podText("p1", "1", 12)) +
                  FakeApi::eventText("DELETED", FakeApi::podText("never", "1", 12));
        co_await exchange.begin();
        co_await exchange.chunk(std::move(text));
        co_await exchange.end();
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(run.told.changes.size(), 8U);
}

TEST_F(ReflectorTest, BookmarksOutOfOrderDoNotGoBack) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::bookmarkText(api.version(), false) +
                                FakeApi::bookmarkText(2, false));
        co_await exchange.end();
        co_return true;
      },
      [this]() -> Task<> {
        co_await run.until([this] { return asked(isWatch) == 2; }, "a second watch");
        EXPECT_EQ(server->log.back().parameter("resourceVersion"), std::to_string(api.version()));
        co_await sameAndFollowing();
      });
}

// Deletions during the gap in the history are noticed; nothing else changes.
TEST_F(ReflectorTest, GoneRelistsWithoutAGap) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (isWatch(exchange.asked) && count++ == 0) {
          api.remove("p2");
          api.put("p9", "1");
          api.compact();
        }
        co_return false;
      },
      [this]() -> Task<> {
        co_await run.until([this] { return count > 1; }, "a second watch");
        co_await sameAndFollowing();
      });
  const std::vector<std::string> all = run.told.changes;
  const std::vector<std::string> after(all.begin() + 7, all.end());
  EXPECT_EQ(after, (std::vector<std::string>{"+p9=1", "-p2", "+last=1"}));
}

TEST_F(ReflectorTest, RepeatedGoneKeepsCachedObjects) {
  bool lost = false;
  play(
      [&](Exchange& exchange) -> Task<bool> {
        lost = lost || (run.reflector->listed() && run.told.pods().size() < 7);
        if (!isWatch(exchange.asked) || ++count > 20) co_return false;
        const std::string status = FakeApi::statusText(410, "too old");
        if (count % 2 == 0) {
          co_await exchange.answer(410, status);
        } else {
          co_await exchange.begin();
          co_await exchange.chunk(FakeApi::eventText("ERROR", status));
          co_await exchange.end();
        }
        co_return true;
      },
      [this]() -> Task<> {
        co_await run.until([this] { return count > 20; }, "the end of the storm");
        co_await sameAndFollowing();
      });
  EXPECT_FALSE(lost);
  EXPECT_EQ(asked(isFirstPage), 21U);
}

TEST_F(ReflectorTest, ErrorEventIsHandled) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 2) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(
            FakeApi::eventText("ERROR", FakeApi::statusText(500, "etcdserver: no leader")));
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(asked(isFirstPage), 1U);
  EXPECT_GE(run.reflector->counters().failures, 3U);
}

TEST_F(ReflectorTest, AListThatChangesBetweenPagesIsOneVersion) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (exchange.asked.query.contains("continue") && count++ == 0) {
          api.remove("p6");
          api.put("p0", "2");
          api.put("p4", "2");
        }
        co_return false;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(asked(isFirstPage), 1U);
}

TEST_F(ReflectorTest, ExpiredContinueTokenRestartsTheList) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (exchange.asked.query.contains("continue") && count++ == 0) {
          api.remove("p0");
          api.compact();
        }
        co_return false;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(asked(isFirstPage), 2U);
}

TEST_F(ReflectorTest, ServerErrorsAreRetried) {
  const std::vector<unsigned> statuses{500, 502, 503, 504, 429, 403, 404, 302, 301, 204, 500, 503};
  play(
      [&](Exchange& exchange) -> Task<bool> {
        if (static_cast<std::size_t>(count) >= statuses.size()) co_return false;
        const unsigned status = statuses[static_cast<std::size_t>(count++)];
        co_await exchange.answer(status, status == 204 ? "" : "<html>sorry</html>",
                                 "Retry-After: 0\r\n");
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
}

TEST_F(ReflectorTest, WorkingServerOfTwoIsUsed) {
  ScriptedServer ill(run.io, [](Exchange& exchange) { return exchange.answer(503, "no etcd"); });
  run.servers.push_back(&ill);
  run.config.servers = {{false, "127.0.0.1", ill.port(), {}}};
  play({}, [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(ill.log.size(), 1U);
}

TEST_F(ReflectorTest, InvalidResponsesAreRetried) {
  const std::vector<std::string> answers{
      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!",
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "",
      "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"items\":[",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"items\":[{}]",
      std::string("\x15\x03\x01\x00\x02\x02\x46", 7)};
  play(
      [&](Exchange& exchange) -> Task<bool> {
        if (static_cast<std::size_t>(count) >= answers.size()) co_return false;
        co_await exchange.send(answers[static_cast<std::size_t>(count++)]);
        exchange.closes = true;
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
}

TEST_F(ReflectorTest, AnObjectOfAMegabyteAndUnknownFields) {
  api.put("big", std::string(60, 'x'));
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        const std::string object =
            R"({"metadata":{"namespace":"shop","name":"huge","resourceVersion":"90","labels":{"value":"1"},)"
            R"("annotations":{"a":")" +
            std::string(1 << 20, 'a') + R"("}},"newInTheFuture":[{"x":[1,2.5e3,null,true]}]})";
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::eventText("ADDED", object));
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> {
        co_await run.until([this] { return run.told.pods().contains("huge"); }, "the huge pod");
      });
  EXPECT_TRUE(run.reflector->diagnostics().empty());
}

TEST_F(ReflectorTest, InvalidPodKeepsItsLastState) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::eventText(
            "MODIFIED",
            R"({"metadata":{"namespace":"shop","name":"p1","resourceVersion":"90","labels":[]}})"));
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> {
        co_await run.until([this] { return !run.reflector->diagnostics().empty(); }, "a report");
        EXPECT_EQ(run.told.pods().at("p1"), "1");
      });
}

TEST_F(ReflectorTest, ClosedIdleConnectionIsNotAFailure) {
  play(
      [](Exchange& exchange) -> Task<bool> {
        exchange.closes = !exchange.asked.isWatch();  // although the response does not contain it
        co_return false;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(run.reflector->counters().failures, 0U);
}

TEST_F(ReflectorTest, CatchUpIncludesChangesBeforeTheCall) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        // A watch without events.
        if (!isWatch(exchange.asked)) co_return false;
        co_await exchange.begin();
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> {
        co_await same();
        api.put("p1", "2");
        const bool done = co_await run.reflector->catchUp(std::chrono::steady_clock::now() + 20s);
        EXPECT_TRUE(done);
        EXPECT_EQ(run.told.pods(), api.pods());
      });
}

TEST_F(ReflectorTest, CatchUpNeedsNoListIfTheWatchIsCurrent) {
  play({}, [this]() -> Task<> {
    co_await same();
    api.put("p1", "2");
    const bool done = co_await run.reflector->catchUp(std::chrono::steady_clock::now() + 20s);
    EXPECT_TRUE(done);
    EXPECT_EQ(run.told.pods(), api.pods());
  });
  EXPECT_EQ(run.reflector->counters().lists, 3U);  // the three pages of the first list
}

TEST_F(ReflectorTest, CatchUpListsAgainAfterTheServersStoreWasRestored) {
  play({}, [this]() -> Task<> {
    co_await same();
    api.restore(12, {{"p1", "old"}, {"again", "1"}});
    const bool done = co_await run.reflector->catchUp(std::chrono::steady_clock::now() + 20s);
    EXPECT_TRUE(done);
    EXPECT_EQ(run.told.pods(), api.pods());
    co_await sameAndFollowing();
  });
}

struct SilentServerTest : ReflectorTest {
  static ListWatch::Options impatient() {
    auto options = ReflectorRun::fast();
    options.patience = 50ms;
    options.bookmarkPatience = 100ms;
    return options;
  }
  SilentServerTest() : ReflectorTest(impatient()) {}
};

TEST_F(SilentServerTest, ServerThatNeverResponds) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (count++ > 3) co_return false;
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> { co_await same(); });
  EXPECT_GE(run.reflector->counters().failures, 4U);
}

TEST_F(SilentServerTest, ResponseThatStops) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (exchange.asked.isWatch() || count++ > 2) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk("{\"items\":[");
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> { co_await same(); });
}

TEST_F(SilentServerTest, WatchWithoutBookmarks) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::bookmarkText(api.version(), false));
        api.put("p1", "2");
        co_await exchange.hang();
        co_return true;
      },
      [this]() -> Task<> { co_await same(); });
  EXPECT_EQ(asked(isFirstPage), 1U);
}

// A server whose store was restored sends nothing to a watch from a later version than its own.
TEST_F(SilentServerTest, ASilentWatchWithoutItsBookmarksListsAgain) {
  play(
      [this](Exchange& exchange) -> Task<bool> {
        if (!isWatch(exchange.asked) || count++ > 0) co_return false;
        co_await exchange.begin();
        co_await exchange.chunk(FakeApi::bookmarkText(api.version(), false));
        api.restore(12, {{"p1", "old"}});
        co_await exchange.end();
        co_return true;
      },
      [this]() -> Task<> { co_await sameAndFollowing(); });
  EXPECT_EQ(asked(isFirstPage), 2U);
}

// Any mixture of faults and changes, with lists of both kinds.
TEST_F(ReflectorTest, RandomFaultsAndChanges) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    FakeApi fresh;
    std::mt19937 random(seed);
    ReflectorRun again;
    std::unique_ptr<ScriptedServer> flaky;
    fresh.streamingLists = seed % 2 == 0;
    int left = 60;
    const auto change = [&] {
      const std::string name = "p" + std::to_string(random() % 12);
      if (random() % 3 == 0 && fresh.pods().contains(name))
        fresh.remove(name);
      else
        fresh.put(name, std::to_string(random() % 5));
      if (random() % 5 == 0) fresh.compact();
      if (random() % 3 == 0) fresh.endWatches();
    };
    const auto answer = [&](Exchange& exchange) -> Task<> {
      if (--left > 0) {
        change();
        const auto kind = random() % 5;
        if (kind == 0) {
          co_await exchange.answer(random() % 2 == 0 ? 503 : 410, "x");
          co_return;
        }
        if (kind == 1) {
          std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n";
          const std::string event =
              FakeApi::eventText("ADDED", FakeApi::podText("p1", "1", fresh.version()));
          text += event.substr(0, random() % (event.size() - 1));
          co_await exchange.send(std::move(text));
          exchange.closes = true;
          co_return;
        }
      }
      co_await fresh.answer(exchange);
    };
    flaky = std::make_unique<ScriptedServer>(again.io, answer);
    again.servers.push_back(flaky.get());
    again.config.servers = {{false, "127.0.0.1", flaky->port(), {}}};
    const auto body = [&]() -> Task<> {
      while (left > 0) {
        change();
        co_await base::sleepFor(1ms);
      }
      co_await again.until([&] { return again.told.pods() == fresh.pods(); }, "the same pods");
    };
    again.run(body());
    EXPECT_EQ(again.told.pods(), fresh.pods()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace kpol::kube
