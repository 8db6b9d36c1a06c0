// SPDX-License-Identifier: Apache-2.0
// How fast a list of Pods, as an API server sends it, becomes objects, and with how much memory:
// beside what others need to read the same bytes. Each reader runs in a process of its own.
#include "base/async/task_group.hpp"
#include "kube/api_stream.hpp"
#include "kube/credentials.hpp"
#include "kube/reflector.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace kpol {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A Pod of a Deployment as one is stored: about 4 KB, of which managedFields are a third.
std::string podText(std::size_t number) {
  const std::string n = std::to_string(number);
  const std::string ip = "10." + std::to_string(number >> 16U) + "." +
                         std::to_string(number >> 8U & 255U) + "." + std::to_string(number & 255U);
  std::string text =
      R"({"metadata":{"name":"web-7d4b9c6f58-)" + n + R"(","generateName":"web-7d4b9c6f58-",)" +
      R"("namespace":"team-)" + std::to_string(number / 50) +
      R"(","uid":"5f0c8a3e-0000-4000-8000-)" + std::string(12 - n.size(), '0') + n +
      R"(","resourceVersion":")" + n +
      R"(","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"web","pod-template-hash":)" +
      R"("7d4b9c6f58","tier":"frontend","version":"v)" + std::to_string(number % 7) +
      R"("},"annotations":{"kubernetes.io/config.seen":"2026-01-01T00:00:00.0Z","note":")" +
      std::string(120, 'n') +
      R"("},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet",)" +
      R"("name":"web-7d4b9c6f58","uid":"11111111-2222-4333-8444-555555555555","controller":true,)" +
      R"("blockOwnerDeletion":true}],"managedFields":[)";
  for (int i = 0; i < 3; ++i)
    text +=
        std::string(i > 0 ? "," : "") +
        R"({"manager":"kubelet","operation":"Update","apiVersion":"v1","time":)" +
        R"("2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{)" +
        R"("f:labels":{".":{},"f:app":{},"f:pod-template-hash":{}},"f:ownerReferences":{".":{},)" +
        R"("k:{\"uid\":\"11111111-2222-4333-8444-555555555555\"}":{}}},"f:spec":{"f:containers")" +
        R"(:{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{}}}}}})";
  text +=
      R"(]},"spec":{"volumes":[{"name":"kube-api-access-x","projected":{"sources":[{)" +
      std::string(
          R"("serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{)") +
      R"("name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}}],"defaultMode":420}}],)" +
      R"("containers":[{"name":"web","image":"registry.example/web:1.2.3","ports":[{"name":"http",)" +
      R"("containerPort":8080,"protocol":"TCP"}],"env":[{"name":"A","value":"1"},{"name":"B",)" +
      R"("value":"2"}],"resources":{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m",)" +
      R"("memory":"128Mi"}},"volumeMounts":[{"name":"kube-api-access-x","readOnly":true,"mountPath":)" +
      R"("/var/run/secrets/kubernetes.io/serviceaccount"}],"terminationMessagePath":"/dev/x",)" +
      R"("imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always","dnsPolicy":"ClusterFirst",)" +
      R"("serviceAccountName":"default","nodeName":"node-)" + std::to_string(number % 500) +
      R"(","tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":)" +
      R"("NoExecute","tolerationSeconds":300}]},"status":{"phase":"Running","conditions":[{"type":)" +
      R"("Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2026-01-01T00:00:00Z"},)" +
      R"({"type":"PodScheduled","status":"True","lastProbeTime":null}],"hostIP":"192.0.2.1","podIP":")" +
      ip + R"(","podIPs":[{"ip":")" + ip +
      R"("}],"startTime":"2026-01-01T00:00:00Z","containerStatuses":[{"name":"web","state":{)" +
      R"("running":{"startedAt":"2026-01-01T00:00:00Z"}},"ready":true,"restartCount":0,"image":)" +
      R"("registry.example/web:1.2.3","imageID":"registry.example/web@sha256:)" +
      std::string(64, 'a') + R"(","containerID":"containerd://)" + std::string(64, 'b') +
      R"(","started":true}],"qosClass":)" + R"("Burstable"}})";
  return text;
}

std::size_t makeList(const std::string& path, std::size_t pods) {
  std::ofstream file(path, std::ios::binary);
  file
      << R"({"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"123456"},"items":[)";
  for (std::size_t i = 0; i < pods; ++i) file << (i > 0 ? "," : "") << podText(i);
  file << "]}";
  return static_cast<std::size_t>(file.tellp());
}

struct Cost {
  double seconds = 0;  // of the process's CPU
  double megabytes = 0;
  int status = 0;
};

// `run` in a child; what that cost.
Cost costOf(const std::function<void()>& run) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    run();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return {seconds(usage.ru_utime) + seconds(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss) / 1024, status};
}

void print(const char* name, const Cost& cost, std::size_t bytes) {
  std::printf("%-42s %8.2f s %8.0f MB/s %8.1f MiB%s\n", name, cost.seconds,
              static_cast<double>(bytes) / 1e6 / cost.seconds, cost.megabytes,
              cost.status == 0 ? "" : "  FAILED");
}

void readChunks(const std::string& path, const std::function<void(std::string_view)>& take) {
  const int fd = open(path.c_str(), O_RDONLY);
  std::array<char, 65536> room;
  for (ssize_t size = 0; (size = read(fd, room.data(), room.size())) > 0;)
    take({room.data(), static_cast<std::size_t>(size)});
  close(fd);
}

void decode(const std::string& path, bool keep, std::size_t pods) {
  kube::ListBody body(kube::Kind::Pod);
  std::vector<kube::Object> kept;
  std::size_t count = 0;
  readChunks(path, [&](std::string_view bytes) {
    std::size_t at = 0;
    while (auto object = body.next(bytes, at)) {
      ++count;
      if (keep) kept.push_back(*std::move(object->object));
    }
  });
  if (count != pods || !body.atEnd()) _exit(1);
}

// The whole text in memory, then only where its items begin and end: less can hardly be done.
void simdjsonSkip(const std::string& path, std::size_t pods) {
  simdjson::padded_string text = simdjson::padded_string::load(path);
  simdjson::ondemand::parser parser;
  auto document = parser.iterate(text);
  std::size_t count = 0;
  for (auto item : document["items"].get_array())
    count += item.error() == simdjson::SUCCESS ? 1 : 0;
  if (count != pods) _exit(1);
}

void simdjsonTree(const std::string& path, std::size_t pods) {
  simdjson::dom::parser parser;
  simdjson::dom::element document = parser.load(path);
  if (simdjson::dom::array(document["items"]).size() != std::min<std::size_t>(pods, 0xffffff))
    _exit(1);
}

void execute(std::vector<const char*> argv) {
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, 1);
  argv.push_back(nullptr);
  execvp(argv[0], const_cast<char* const*>(argv.data()));
  _exit(127);
}

// A watch with one changed Pod every 10 ms for `duration`, then closed.
base::Task<> serveWatch(base::asio::ip::tcp::acceptor& acceptor, Clock::duration duration) {
  auto socket = co_await acceptor.async_accept(base::asio::use_awaitable);
  std::string head;
  co_await base::asio::async_read_until(socket, base::asio::dynamic_buffer(head), "\r\n\r\n",
                                        base::asio::use_awaitable);
  std::string text = "HTTP/1.1 200 OK\r\n\r\n";
  text += R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"1","annotations":)"
          R"({"k8s.io/initial-events-end":"true"}}}})";
  co_await base::asio::async_write(socket, base::asio::buffer(text), base::asio::use_awaitable);
  const auto start = Clock::now();
  for (std::size_t i = 0; Clock::now() - start < duration; ++i) {
    text = R"({"type":"MODIFIED","object":)" + podText(i % 1000 + 1) + "}\n";
    co_await base::asio::async_write(socket, base::asio::buffer(text), base::asio::use_awaitable);
    co_await base::sleepUntil(start + (i + 1) * 10ms);
  }
}

void follow(std::uint16_t port, Clock::duration duration) {
  base::asio::io_context io;
  kube::ClusterConfig config;
  config.servers = {{false, "127.0.0.1", port, {}}};
  kube::Credentials credentials(config);
  std::size_t events = 0;
  kube::Reflector reflector(kube::Kind::Pod, credentials, {},
                            {[&](const kube::WatchEvent&) { ++events; }, [] {}});
  base::TaskGroup tasks(io.get_executor());
  tasks.spawn(reflector.run());
  io.run_for(duration);
  std::printf("events in %.0f s: %zu\n", std::chrono::duration<double>(duration).count(), events);
  std::fflush(stdout);
  _exit(0);
}

void steadyState() {
  constexpr auto kDuration = 10s;
  base::asio::io_context io;
  base::asio::ip::tcp::acceptor acceptor(
      io, {base::asio::ip::make_address("127.0.0.1"), std::uint16_t{0}});
  const auto port = acceptor.local_endpoint().port();
  const pid_t server = fork();
  if (server == 0) {
    base::asio::co_spawn(io, serveWatch(acceptor, kDuration + 5s), base::asio::detached);
    io.run_for(kDuration + 10s);
    _exit(0);
  }
  const Cost cost = costOf([&] { follow(port, kDuration); });
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  std::printf("100 pod events a second: %.2f %% of one CPU, %.1f MiB\n",
              cost.seconds / std::chrono::duration<double>(kDuration).count() * 100,
              cost.megabytes);
}

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  using namespace kpol;
  std::size_t pods = 100000;
  if (argc > 1 && std::isdigit(argv[1][0]) != 0) pods = std::strtoul(argv[1], nullptr, 10);
  std::string directory = std::filesystem::temp_directory_path() / "kpol-bench-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  const std::string path = directory + "/list.json";
  const std::size_t bytes = makeList(path, pods);
  std::printf("a list of %zu pods, %.0f MB; CPU time, peak memory\n", pods,
              static_cast<double>(bytes) / 1e6);
  print("kpol: bytes to objects", costOf([&] { decode(path, false, pods); }), bytes);
  print("kpol: and all objects kept", costOf([&] { decode(path, true, pods); }), bytes);
  print("simdjson: where items begin and end", costOf([&] { simdjsonSkip(path, pods); }), bytes);
  print("simdjson: a tree", costOf([&] { simdjsonTree(path, pods); }), bytes);
  print("jq -c .kind", costOf([&] { execute({"jq", "-c", ".kind", path.c_str()}); }), bytes);
  print("python3 -m json.tool", costOf([&] {
          execute({"python3", "-m", "json.tool", "--compact", path.c_str()});
        }),
        bytes);
  std::filesystem::remove_all(directory);
  steadyState();
}
