// SPDX-License-Identifier: Apache-2.0
// Rules that a compiler does not check: includes between rooms, the room of each library, file
// sizes, and constructs that g++ 12 miscompiles.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = KPOL_SOURCE_DIR;

// The one direction: what a room may include besides itself.
const std::map<std::string, std::set<std::string>> kMayUse{
    {"base", {}},
    {"conf", {"base"}},
    {"netlink", {"base"}},
    {"nft", {"base", "netlink"}},  // netlink: its kernel side only, see PureSideOfNft
    {"control", {"base"}},
    {"policy", {"base", "nft"}},
    {"kube", {"base", "policy"}},
    {"ipam", {"base", "conf", "netlink"}},
    {"node", {"base", "conf", "ipam", "netlink", "nft", "policy"}},
    {"plugin", {"base", "conf", "control", "ipam", "netlink"}},
    {"controller", {"base", "conf", "control", "ipam", "kube", "netlink", "nft", "node", "policy"}},
    {"kpolctl", {"base", "conf", "control", "nft", "policy"}},
};

// Headers of a library, and the only rooms that may include them.
struct Library {
  std::string header;  // regular expression
  std::set<std::string> rooms;
};
const std::vector<Library> kLibraries{
    {"<libmnl/", {"netlink", "nft"}},
    {"<libnftnl/", {"nft"}},
    {"<nlohmann/", {"conf", "kube", "controller", "kpolctl"}},
    {"<yaml-cpp/", {"conf", "kube", "kpolctl"}},
    {"<boost/beast", {"control", "controller", "kube"}},
    {"<boost/asio", {"base", "controller", "kube"}},
    {"<openssl/", {"kube"}},
    {"<spdlog/", {"base"}},
    {"<fmt/", {"controller", "policy"}},
    {"<CLI/", {"controller", "kpolctl"}},
};

struct Source {
  std::string path;  // from the root
  std::string room;
  std::vector<std::string> lines;
};

// The line without the contents of string literals and without comments; includes are unchanged.
std::string codeOf(const std::string& line) {
  if (line.starts_with("#include") || line.starts_with("// SPDX")) return line;
  static const std::regex literal(R"("([^"\\]|\\.)*")");
  const auto code = std::regex_replace(line, literal, "\"\"");
  return code.substr(0, code.find("//"));
}

std::vector<std::string> readLines(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(codeOf(line));
  return lines;
}

std::vector<Source> sourcesBelow(const std::string& folder) {
  std::vector<Source> result;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const auto extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp") continue;
    const auto path = fs::relative(entry.path(), kRoot).string();
    result.push_back({path, path.substr(0, path.find('/')), readLines(entry.path())});
  }
  return result;
}

const std::vector<Source>& productSources() {
  static const auto sources = [] {
    std::vector<Source> all;
    for (const auto& [room, uses] : kMayUse)
      for (auto& source : sourcesBelow(room)) all.push_back(std::move(source));
    return all;
  }();
  return sources;
}

std::string at(const Source& source, std::size_t line) {
  return source.path + ":" + std::to_string(line + 1) + ": " + source.lines[line];
}

// Every line of `sources` that matches `pattern`, except where `allowed` is true.
template <class Allowed>
std::vector<std::string> findings(const std::vector<Source>& sources, const std::string& pattern,
                                  Allowed allowed) {
  const std::regex regex(pattern);
  const bool ofIncludes = pattern.starts_with("^#");
  std::vector<std::string> result;
  for (const auto& source : sources)
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      if (ofIncludes && !source.lines[i].starts_with('#')) continue;
      std::smatch match;
      if (std::regex_search(source.lines[i], match, regex) && !allowed(source, match))
        result.push_back(at(source, i));
    }
  return result;
}

const auto kNever = [](const Source&, const std::smatch&) { return false; };
const std::vector<std::string> kNone;

TEST(Lint, ThereIsSomethingToRead) {
  EXPECT_GT(productSources().size(), 60U);
}

std::vector<std::string> includesUpwards(const std::vector<Source>& sources) {
  return findings(sources, R"(^#include "([a-z]+)/)",
                  [](const Source& source, const std::smatch& match) {
                    return match[1] == source.room || kMayUse.at(source.room).contains(match[1]);
                  });
}

TEST(Lint, RoomsIncludeOnlyLowerRooms) {
  EXPECT_EQ(includesUpwards(productSources()), kNone);
}

TEST(Lint, SeesAnIncludeThatPointsUp) {
  const Source wrong{"nft/x.cpp", "nft", {R"(#include "policy/compile.hpp")"}};
  const Source right{"policy/x.cpp", "policy", {R"(#include "nft/ruleset.hpp")"}};
  EXPECT_EQ(includesUpwards({wrong, right}).size(), 1U);
}

TEST(Lint, ProjectIncludesAreWrittenFromTheRoot) {
  EXPECT_EQ(findings(productSources(), R"(^#include "[^/]*"$)", kNever), kNone);
}

TEST(Lint, LibrariesStayInTheirRooms) {
  for (const auto& library : kLibraries)
    EXPECT_EQ(findings(productSources(), "^#include " + library.header,
                       [&](const Source& source, const std::smatch&) {
                         return library.rooms.contains(source.room);
                       }),
              kNone);
}

// The budget of heavy headers: the files that may include them. A heavy header costs every file
// that includes it, directly or not, seconds of compile time, so adding a file to this list must be
// a decision; removing one makes the build cheaper.
struct HeavyHeader {
  std::string header;  // regular expression
  std::set<std::string> files;
};
const std::vector<HeavyHeader> kHeavyHeaders{
    {"<boost/asio",
     {"base/async/asio.cpp", "base/async/asio.hpp", "base/async/race.cpp",
      "base/async/readable.cpp", "base/async/task_group.cpp", "controller/daemon.cpp",
      "controller/http_message.cpp", "controller/http_server.cpp", "controller/revoker.cpp",
      "controller/settler.cpp", "kube/connection.cpp", "kube/http_response.cpp", "kube/tls.cpp",
      "kube/tls_context.cpp"}},
    {"\"base/async/(asio|race)\\.hpp\"",
     {"base/async/event.cpp",
      "base/async/race.cpp",
      "base/async/race.hpp",
      "base/async/readable.cpp",
      "base/async/supervise.cpp",
      "base/async/task_group.cpp",
      "controller/api_source.cpp",
      "controller/cni_config.cpp",
      "controller/collector.cpp",
      "controller/control_api.cpp",
      "controller/daemon.cpp",
      "controller/directory_source.cpp",
      "controller/event_reporter.cpp",
      "controller/holder_link.cpp",
      "controller/host_firewalls.cpp",
      "controller/http_server.cpp",
      "controller/metrics_port.cpp",
      "controller/network_condition.cpp",
      "controller/node_addresses.cpp",
      "controller/node_network.cpp",
      "controller/pod_routes.cpp",
      "controller/pod_start.cpp",
      "controller/reconcile_loop.cpp",
      "controller/revoker.cpp",
      "controller/router.cpp",
      "controller/settler.cpp",
      "controller/source.cpp",
      "controller/third_party_pods.cpp",
      "kube/api_client.cpp",
      "kube/connection.cpp",
      "kube/credentials.cpp",
      "kube/exec_plugin.cpp",
      "kube/reflector.cpp"}},
    {"<boost/beast",
     {"control/answer.cpp", "controller/http_message.cpp", "kube/beast.cpp", "kube/gunzip.cpp",
      "kube/http_response.cpp"}},
    {"<nlohmann/json\\.hpp>",
     {"conf/conflist.cpp",        "conf/json_object.hpp",       "controller/cluster_event.cpp",
      "controller/json_text.cpp", "controller/leases_json.cpp", "controller/policy_json.cpp",
      "controller/show_json.cpp", "controller/status_json.cpp", "kpolctl/commands.cpp",
      "kpolctl/connection.cpp",   "kpolctl/describe.cpp",       "kpolctl/explain_text.cpp",
      "kpolctl/leases_text.cpp",  "kpolctl/lists.cpp",          "kpolctl/output.cpp",
      "kpolctl/status_text.cpp",  "kube/exec_credential.cpp",   "kube/exec_plugin.cpp",
      "kube/field.hpp",           "kube/tree_builder.hpp"}},
    {"<yaml-cpp/",
     {"conf/daemon_config.cpp", "kpolctl/output.cpp", "kube/kubeconfig.cpp", "kube/yaml_text.cpp"}},
    {"<CLI/", {"controller/command_line.cpp", "kpolctl/command_line.cpp"}},
    {"<spdlog/", {"base/log.cpp"}},
    {"<fmt/", {"controller/cluster_event.cpp", "controller/exposition.cpp", "policy/names.cpp"}},
};

TEST(Lint, HeavyHeadersAreIncludedByThoseThatMay) {
  for (const auto& heavy : kHeavyHeaders) {
    std::set<std::string> found;
    const std::regex include("^#include " + heavy.header);
    for (const auto& source : productSources())
      for (const auto& line : source.lines)
        if (line.starts_with('#') && std::regex_search(line, include)) found.insert(source.path);
    EXPECT_EQ(found, heavy.files) << heavy.header;
  }
}

// What a room shows to others is free of them: whoever includes a header of another room gets none.
// Coroutines are the exception, and only .cpp files have them.
std::vector<std::string> headersWithHeavyOnes(const std::vector<Source>& sources) {
  const std::regex heavy(
      "^#include <(boost/asio|boost/beast|nlohmann/json\\.hpp|yaml-cpp/|CLI/|"
      "spdlog/|fmt/)");
  const std::regex include(R"re(^#include "([^"]+)")re");
  std::set<std::string> reaching;
  for (std::size_t before = 1; before != reaching.size();) {
    before = reaching.size();
    for (const auto& source : sources)
      for (const auto& line : source.lines) {
        if (!line.starts_with('#')) continue;
        std::smatch match;
        const bool direct = std::regex_search(line, heavy);
        const bool through =
            std::regex_search(line, match, include) && reaching.contains(match[1].str());
        if (direct || through) reaching.insert(source.path);
      }
    if (reaching.empty()) break;
  }
  return findings(sources, R"re(^#include "([^"]+)")re",
                  [&](const Source& source, const std::smatch& match) {
                    const std::string header = match[1];
                    if (!reaching.contains(header)) return true;
                    if (header.starts_with(source.room + "/")) return true;
                    return header.starts_with("base/async/") && source.path.ends_with(".cpp");
                  });
}

TEST(Lint, HeadersThatOtherRoomsIncludeBringNoHeavyOnes) {
  EXPECT_EQ(headersWithHeavyOnes(productSources()), kNone);
}

TEST(Lint, SeesAHeavyHeaderBehindAHeaderOfAnotherRoom) {
  const Source heavy{"kube/deep.hpp", "kube", {"#include <boost/beast/http.hpp>"}};
  const Source between{"kube/public.hpp", "kube", {R"(#include "kube/deep.hpp")"}};
  const Source user{"controller/x.cpp", "controller", {R"(#include "kube/public.hpp")"}};
  EXPECT_EQ(headersWithHeavyOnes({heavy, between, user}).size(), 1U);
}

TEST(Lint, AsioIsIncludedInOnePlaceOfBase) {
  EXPECT_EQ(findings(productSources(), "^#include <boost/asio",
                     [](const Source& source, const std::smatch&) {
                       return source.room != "base" || source.path.starts_with("base/async/");
                     }),
            kNone);
}

TEST(Lint, SpdlogIsIncludedByTheLogAlone) {
  EXPECT_EQ(findings(productSources(), "^#include <spdlog/",
                     [](const Source& source, const std::smatch&) {
                       return source.path.starts_with("base/log");
                     }),
            kNone);
}

// Its headers are among the slowest to compile.
TEST(Lint, FmtIsIncludedWhereItIsNeeded) {
  const std::set<std::string> users{"controller/cluster_event.cpp", "controller/exposition.cpp",
                                    "policy/names.cpp"};
  EXPECT_EQ(findings(productSources(), "^#include <fmt/",
                     [&](const Source& source, const std::smatch&) {
                       return users.contains(source.path);
                     }),
            kNone);
}

// The values of nft/ know no kernel: what they include, directly or not, is base and themselves.
TEST(Lint, PureSideOfNftAndPolicyKnowNoKernel) {
  std::map<std::string, const Source*> byPath;
  for (const auto& source : productSources()) byPath[source.path] = &source;
  std::vector<std::string> open;
  for (const auto& source : productSources())
    if (source.room == "policy") open.push_back(source.path);
  for (const char* name : {"ruleset", "change_set", "diff", "print"})
    for (const char* end : {".hpp", ".cpp"})
      if (byPath.contains(std::string("nft/") + name + end))
        open.push_back(std::string("nft/") + name + end);
  std::set<std::string> seen(open.begin(), open.end());
  const std::regex include(R"(^#include ["<]([^">]+)[">])");
  while (!open.empty()) {
    const auto path = open.back();
    open.pop_back();
    ASSERT_TRUE(byPath.contains(path)) << path;
    for (const auto& line : byPath[path]->lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include)) continue;
      const std::string target = match[1];
      EXPECT_FALSE(target.starts_with("libmnl/") || target.starts_with("libnftnl/") ||
                   target.starts_with("netlink/") || target.starts_with("linux/") ||
                   target.starts_with("nlohmann/") || target.starts_with("spdlog/"))
          << path << ": " << line;
      if (byPath.contains(target) && seen.insert(target).second) open.push_back(target);
    }
  }
}

TEST(Lint, NoToolIsExecuted) {
  // What the product runs: other CNI plugins (delegated IPAM), and a kubeconfig's exec plugin.
  EXPECT_EQ(
      findings(
          productSources(),
          R"(\b(system|popen|execl|execlp|execle|execv|execvp|execve|execvpe|posix_spawn|posix_spawnp)\()",
          [](const Source& source, const std::smatch&) {
            return source.path.starts_with("plugin/delegate") ||
                   source.path == "kube/exec_plugin.cpp";
          }),
      kNone);
}

TEST(Lint, NamesSayWhatThingsAre) {
  EXPECT_EQ(findings(productSources(),
                     R"(\b(class|struct) \w*(Manager|Helper|Util|Utils|Impl|Info|Data)\b)", kNever),
            kNone);
}

TEST(Lint, NoExceptionIsSwallowed) {
  EXPECT_EQ(findings(productSources(), R"(catch \(\.\.\.\)|GTEST)", kNever), kNone);
}

TEST(Lint, NoManualOwnership) {
  EXPECT_EQ(findings(productSources(), R"((=|return|\() *new [A-Za-z]|\bdelete [a-z])", kNever),
            kNone);
}

// g++ 12.2 miscompiles these forms within one full expression (docs/common-errors.md).
const std::vector<std::string> kMiscompiled{
    R"(co_await.*\[[^\]]+\]\s*[({])",              // a capturing lambda
    R"(co_await[^;]*\b[A-Z]\w*\{)",                // an aggregate temporary
    R"(co_await[^;]*\(\{)",                        // a braced list
    R"(\?[^:;]*co_await|\?[^;]*:[^;:]*co_await)",  // in a branch of ?:
    R"(while \([^)]*\(?co_await)",                 // in a condition of while
};

TEST(Lint, NoCoAwaitFormThatGcc12Miscompiles) {
  for (const auto& form : kMiscompiled)
    EXPECT_EQ(findings(productSources(), form, kNever), kNone) << form;
}

TEST(Lint, SeesTheFormsThatGcc12Miscompiles) {
  const std::vector<std::string> wrong{"co_await f([x] { return x; });", "co_await f(Thing{1});",
                                       "co_await f({1, 2});", "auto x = c ? co_await a() : b;",
                                       "while (!(co_await a()).empty()) continue;"};
  ASSERT_EQ(wrong.size(), kMiscompiled.size());
  for (std::size_t i = 0; i < wrong.size(); ++i)
    EXPECT_EQ(findings({{"x.cpp", "x", {wrong[i]}}}, kMiscompiled[i], kNever).size(), 1U)
        << wrong[i];
}

TEST(Lint, FilesStartWithTheirLicence) {
  auto sources = productSources();
  for (auto& source : sourcesBelow("tests")) sources.push_back(std::move(source));
  for (const auto& source : sources) {
    ASSERT_FALSE(source.lines.empty()) << source.path;
    EXPECT_EQ(source.lines[0], "// SPDX-License-Identifier: Apache-2.0") << source.path;
    if (!source.path.ends_with(".hpp")) continue;
    EXPECT_TRUE(std::find(source.lines.begin(), source.lines.end(), "#pragma once") !=
                source.lines.end())
        << source.path;
  }
}

TEST(Lint, FilesAreNotTooLong) {
  for (const auto& source : productSources()) EXPECT_LE(source.lines.size(), 600U) << source.path;
  for (const auto& source : sourcesBelow("tests"))
    EXPECT_LE(source.lines.size(), 800U) << source.path;
}

// Words that make readers stumble; the lines are read with their comments and texts.
std::vector<std::string> archaicWords(const std::string& name, std::istream& text) {
  static const std::regex words(
      R"(\b(anew|whom|thereof|somebody|nobody|is told|tells of|what comes of)\b)",
      std::regex::icase);
  std::vector<std::string> found;
  std::string line;
  for (std::size_t number = 1; std::getline(text, line); ++number)
    if (std::regex_search(line, words))
      found.push_back(name + ":" + std::to_string(number) + ": " + line);
  return found;
}

TEST(Lint, CommentsTextsAndDocsArePlain) {
  const std::set<std::string> kinds{".cpp", ".hpp", ".md", ".txt", ".cmake", ".yaml",
                                    ".tpl", ".1",   ".8",  ".sh",  ".in",    ".service"};
  std::vector<std::string> places{"docs", "packaging", "manifests", "cmake"};
  for (const auto& [room, uses] : kMayUse) places.push_back(room);
  std::vector<fs::path> files{kRoot / "README.md", kRoot / "CMakeLists.txt"};
  for (const auto& place : places)
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / place))
      if (kinds.contains(entry.path().extension())) files.push_back(entry.path());
  EXPECT_GT(files.size(), 400U);
  std::vector<std::string> found;
  for (const auto& file : files) {
    std::ifstream text(file);
    for (auto& line : archaicWords(fs::relative(file, kRoot), text))
      found.push_back(std::move(line));
  }
  EXPECT_EQ(found, kNone);
}

TEST(Lint, SeesAnArchaicWordInAComment) {
  std::istringstream text("int x;  // made anew\nint y;  // made again\n");
  EXPECT_EQ(archaicWords("x.cpp", text).size(), 1U);
}

TEST(Lint, EveryRoomIsDescribed) {
  std::ifstream in(kRoot / "docs/architecture.md");
  std::stringstream text;
  text << in.rdbuf();
  for (const auto& [room, uses] : kMayUse)
    EXPECT_NE(text.str().find("`" + room + "/`"), std::string::npos) << room;
}

}  // namespace
