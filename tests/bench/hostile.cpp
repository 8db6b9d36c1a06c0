// SPDX-License-Identifier: Apache-2.0
// What the largest objects that a tenant can store cost a node: ten shapes of objects of 1.5 MiB,
// the API server's limit, from JSON to the change of the table. Each runs in a process of its own
// and prints its time and peak memory.
#include "base/error.hpp"
#include "kube/decode.hpp"
#include "policy/engine.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <variant>

namespace kpol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLimit = 1536 * 1024;

// Joins item(0), item(1) ... with commas, up to `bytes`.
std::string items(const std::function<std::string(std::size_t)>& item, std::size_t bytes = kLimit) {
  std::string text;
  for (std::size_t i = 0;; ++i) {
    const auto next = item(i);
    if (text.size() + next.size() + 500 > bytes) return text;
    text += (i > 0 ? "," : "") + next;
  }
}

std::string n(std::size_t number) {
  return std::to_string(number);
}

std::string policyOf(const std::string& rules, const std::string& direction = "ingress") {
  return R"({"metadata":{"namespace":"shop","name":"p"},"spec":{"podSelector":{},"policyTypes":[")" +
         std::string(direction == "ingress" ? "Ingress" : "Egress") + R"("],")" + direction +
         R"(":[)" + rules + "]}}";
}

std::string metadata(const std::string& name, const std::string& labels) {
  return R"("metadata":{"namespace":"shop","name":")" + name + R"(","labels":{)" + labels + "}}";
}

std::string block(std::size_t i) {
  return R"({"ipBlock":{"cidr":")" + n(1 + i / 65536) + "." + n(i / 256 % 256) + "." + n(i % 256) +
         R"(.0/25"}})";
}

std::string selector(std::size_t i) {
  return R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"NotIn","values":[")" + n(i) +
         R"("]}]}})";
}

std::string range(std::size_t i) {
  return R"({"port":)" + n(1 + i % 30000) + R"(,"endPort":)" + n(65535 - i % 30000) + "}";
}

std::string labels(std::size_t change) {
  return items([](std::size_t i) { return "\"l" + n(i) + "\":\"\""; }) + R"(,"z":")" + n(change) +
         "\"";
}

// A node with 1 local pod and 1,000 others.
class Site {
 public:
  Site() {
    for (std::size_t i = 0; i <= 1000; ++i) {
      const auto ip = "10.0." + n(i / 256) + "." + n(i % 256);
      put(kube::Kind::Pod, "{" + metadata("pod-" + n(i), R"("app":"web")") +
                               R"(,"status":{"phase":"Running","podIPs":[{"ip":")" + ip + "\"}]}}");
    }
    const base::ObjectKey local{"shop", "pod-0"};
    engine_.setEndpoints(
        local, {{local, *base::IfName::parse("kpol0"), {*base::IpAddress::parse("10.0.0.0")}}});
    engine_.takeChanges();
  }
  void put(kube::Kind kind, const std::string& json) {
    auto decoded = kube::decodeObject(kind, json, kube::Origin::ApiServer);
    base::expects(decoded.object.has_value(), "the object can be read");
    if (const auto* pod = std::get_if<policy::Pod>(&*decoded.object)) engine_.put(*pod);
    if (const auto* ns = std::get_if<policy::Namespace>(&*decoded.object)) engine_.put(*ns);
    if (const auto* one = std::get_if<policy::NetworkPolicy>(&*decoded.object)) engine_.put(*one);
    rejected_ = rejected_ || !decoded.diagnostics.empty();
    engine_.takeChanges();
  }
  const char* outcome() {
    if (rejected_) return "object rejected";
    return engine_.oversizedProfiles().empty() ? "enforced" : "pods isolated";
  }

 private:
  policy::Engine engine_{{}};
  bool rejected_ = false;
};

using Run = std::function<void(Site&)>;
struct Shape {
  const char* name;
  Run run;
};

Run policy(std::string json) {
  return [json = std::move(json)](Site& site) { site.put(kube::Kind::NetworkPolicy, json); };
}

std::string half(const std::function<std::string(std::size_t)>& item) {
  return items(item, kLimit / 2);
}

std::string nestedRules(const std::function<std::string(std::size_t)>& peer) {
  return items(
      [&](std::size_t i) { return R"({"ports":[)" + range(i) + R"(],"from":[)" + peer(i) + "]}"; });
}

std::string manyPorts(std::size_t change) {
  return "{" + metadata("pod-1", R"("app":"web")") + R"(,"spec":{"containers":[{"ports":[)" +
         items([](std::size_t i) {
           return R"({"name":"p","containerPort":)" + n(1 + i % 65535) + "}";
         }) +
         R"(]}]},"status":{"phase":"Running","podIPs":[{"ip":"10.0.1.)" + n(change) + "\"}]}}";
}

const std::array<Shape, 10> kShapes{{
    {"policy: nested port ranges, each with its selector", policy(policyOf(nestedRules(selector)))},
    {"policy: nested port ranges, each with its block", policy(policyOf(nestedRules(block)))},
    {"policy: one rule, ports and selectors",
     policy(policyOf(R"({"ports":[)" + half(range) + R"(],"from":[)" + half(selector) + "]}"))},
    {"policy: one rule, named ports and blocks, egress",
     policy(policyOf(R"({"ports":[)" +
                         half([](std::size_t i) { return R"({"port":"p)" + n(i) + "\"}"; }) +
                         R"(],"to":[)" + half(block) + "]}",
                     "egress"))},
    {"policy: blocks", policy(policyOf(R"({"from":[)" + items(block) + "]}"))},
    {"policy: blocks, rewritten ten times",
     [](Site& site) {
       for (std::size_t version = 0; version < 10; ++version)
         site.put(kube::Kind::NetworkPolicy,
                  policyOf(R"({"from":[)" +
                           items([&](std::size_t i) { return block(2 * i + version); }, 300'000) +
                           "]}"));
     }},
    {"policy: selectors that match all pods",
     policy(policyOf(R"({"from":[)" + items(selector) + "]}"))},
    {"pod: ports of one name, that a policy names",
     [](Site& site) {
       site.put(kube::Kind::NetworkPolicy,
                policyOf(R"({"ports":[{"port":"p"}],"to":[)" + items(selector, 100'000) + "]}",
                         "egress"));
       for (std::size_t change = 0; change < 3; ++change)
         site.put(kube::Kind::Pod, manyPorts(change));
     }},
    {"pod: labels, one of them changes",
     [](Site& site) {
       for (std::size_t change = 0; change < 3; ++change)
         site.put(kube::Kind::Pod, "{" + metadata("pod-1", labels(change)) + "}");
     }},
    {"namespace and node: labels, one of them changes",
     [](Site& site) {
       for (std::size_t change = 0; change < 3; ++change) {
         const auto meta = R"({"metadata":{"name":"shop","labels":{)" + labels(change) + "}}}";
         site.put(kube::Kind::Namespace, meta);
         site.put(kube::Kind::Node, meta);
       }
     }},
}};

void measure(const Shape& shape) {
  Site site;
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = Clock::now();
  shape.run(site);
  const auto took = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  std::printf("%-52s %8.0f ms %7.1f MiB  %s\n", shape.name, took,
              static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024, site.outcome());
  std::fflush(stdout);
}

int runAll() {
  int failures = 0;
  for (const auto& shape : kShapes) {
    const auto child = fork();
    if (child == 0) {
      measure(shape);
      _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) {
      std::printf("%-52s failed\n", shape.name);
      ++failures;
    }
  }
  return failures;
}

}  // namespace
}  // namespace kpol

int main() {
  return kpol::runAll();
}
