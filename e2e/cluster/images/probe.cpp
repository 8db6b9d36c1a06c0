// SPDX-License-Identifier: Apache-2.0
// The program of test pods: a server that returns its name and the client's address, and its
// client.
//
//   probe serve tcp/PORT|udp/PORT...          replies "POD CLIENT-ADDRESS" (TCP: as HTTP)
//   probe get tcp|udp ADDRESS PORT [MS]       prints the reply; exit 1: none within MS (1000), and
//                                             stderr has the reason in one word: timeout, refused,
//                                             unreachable, silent (TCP: connected, then timeout),
//                                             empty, or an errno
//   probe every MS tcp|udp ADDRESS PORT [MS]  sends a request each first MS until killed, and
//                                             prints "TIME ok" or "TIME lost REASON" for it; lost:
//                                             no reply within the second MS, which is less than the
//                                             timeout of a SYN retransmission
//   probe stream MS COUNT ADDRESS PORT...     from its start, each MS, COUNT times (0: endlessly),
//                                             sends "POD NUMBER BEGUN SENT" to each port as a new
//                                             flow; then keeps running
//   probe collect PORT...                     prints "ARRIVED PORT TEXT" of what a stream sends
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kUsage = 2;

struct Endpoint {
  int type = SOCK_STREAM;
  sockaddr_storage address{};
  socklen_t length = 0;
};

[[noreturn]] void fail(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

// Seconds, as all on this machine count them.
double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int typeOf(const std::string& protocol) {
  if (protocol == "tcp") return SOCK_STREAM;
  if (protocol == "udp") return SOCK_DGRAM;
  std::fprintf(stderr, "probe: %s is neither tcp nor udp\n", protocol.c_str());
  std::exit(kUsage);
}

Endpoint endpointOf(const std::string& protocol, const std::string& address,
                    const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = typeOf(protocol);
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0) {
    std::fprintf(stderr, "probe: not an address and a port: %s %s\n", address.c_str(),
                 port.c_str());
    std::exit(kUsage);
  }
  Endpoint endpoint{hints.ai_socktype, {}, found->ai_addrlen};
  std::memcpy(&endpoint.address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return endpoint;
}

void waitAtMost(int fd, long milliseconds) {
  const timeval limit{milliseconds / 1000, (milliseconds % 1000) * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

struct Reply {
  std::string line;    // the last line of the server's reply
  std::string reason;  // why there is none; "" if there is one
};

// A blocking call returns EINPROGRESS (connect) or EAGAIN when the time of waitAtMost is over.
std::string reasonOf(int code) {
  switch (code) {
    case EINPROGRESS:
    case EAGAIN:
    case ETIMEDOUT: return "timeout";
    case ECONNREFUSED: return "refused";
    case EHOSTUNREACH:
    case ENETUNREACH: return "unreachable";
    default: return "errno-" + std::to_string(code);
  }
}

// Reads the reply from a connected socket.
Reply receive(int fd, int type) {
  std::string text;
  std::array<char, 2048> buffer{};
  ssize_t got = 0;
  while ((got = recv(fd, buffer.data(), buffer.size(), 0)) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (type == SOCK_DGRAM) break;
  }
  const int code = errno;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty()) return {text.substr(text.rfind('\n') + 1), ""};
  if (got >= 0) return {"", "empty"};
  // The SYN and its reply have passed, so the connection was not denied.
  if (type == SOCK_STREAM && code == EAGAIN) return {"", "silent"};
  return {"", reasonOf(code)};
}

Reply ask(const Endpoint& to, long milliseconds) {
  const int fd = socket(to.address.ss_family, to.type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  waitAtMost(fd, milliseconds);
  Reply reply;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.address), to.length) == 0 &&
      send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL) > 0)
    reply = receive(fd, to.type);
  else
    reply.reason = reasonOf(errno);
  close(fd);
  return reply;
}

int listenOn(int type, const std::string& port) {
  const int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int yes = 1;
  const int no = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail("bind to port " + port);
  if (type == SOCK_STREAM && listen(fd, 128) != 0) fail("listen");
  return fd;
}

std::string podName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::string greeting(const sockaddr_in6& client) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &client.sin6_addr, text.data(), text.size());
  std::string address = text.data();
  if (address.starts_with("::ffff:")) address.erase(0, 7);
  return podName() + " " + address + "\n";
}

void answerStream(int listener) {
  sockaddr_in6 client{};
  socklen_t length = sizeof client;
  const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&client), &length, SOCK_CLOEXEC);
  if (fd < 0) return;
  waitAtMost(fd, 1000);
  std::array<char, 2048> request{};
  if (recv(fd, request.data(), request.size(), 0) > 0) {
    const std::string answer =
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + greeting(client);
    send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  }
  close(fd);
}

void answerDatagram(int fd) {
  sockaddr_in6 client{};
  socklen_t length = sizeof client;
  std::array<char, 2048> request{};
  if (recvfrom(fd, request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&client),
               &length) < 0)
    return;
  const std::string answer = greeting(client);
  sendto(fd, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&client), length);
}

int serve(const std::vector<std::string>& ports) {
  std::vector<pollfd> sockets;
  std::vector<int> types;
  for (const auto& port : ports) {
    types.push_back(typeOf(port.substr(0, 3)));
    sockets.push_back({listenOn(types.back(), port.substr(4)), POLLIN, 0});
  }
  for (;;) {
    if (poll(sockets.data(), sockets.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if ((sockets[i].revents & POLLIN) == 0) continue;
      if (types[i] == SOCK_STREAM)
        answerStream(sockets[i].fd);
      else
        answerDatagram(sockets[i].fd);
    }
  }
}

int get(const Endpoint& to, long milliseconds) {
  const auto reply = ask(to, milliseconds);
  if (reply.reason.empty()) {
    std::printf("%s\n", reply.line.c_str());
    return 0;
  }
  std::fprintf(stderr, "%s\n", reply.reason.c_str());
  return 1;
}

int every(long milliseconds, const Endpoint& to, long patience) {
  for (;;) {
    const auto reason = ask(to, patience).reason;
    std::printf("%.3f %s\n", now(), reason.empty() ? "ok" : ("lost " + reason).c_str());
    std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  }
}

// Each request has its own source port, so that each datagram is the first of a flow and is
// evaluated as such. At 1 ms a port is used again after a minute; conntrack drops unreplied entries
// after 30 s.
int boundSocket(int family, long number) {
  constexpr long kFirstPort = 4000;
  constexpr long kPorts = 60000;
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in6 address{};  // the port is where sockaddr_in has it
  address.sin6_family = static_cast<sa_family_t>(family);
  address.sin6_port = htons(static_cast<std::uint16_t>(kFirstPort + number % kPorts));
  const socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof address;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) fail("bind");
  return fd;
}

int stream(long milliseconds, long count, const std::vector<Endpoint>& to) {
  const double begun = now();
  const std::string pod = podName();
  auto next = std::chrono::steady_clock::now();
  for (long number = 0; count == 0 || number < count; ++number) {
    const int fd = boundSocket(to.front().address.ss_family, number);
    for (const auto& endpoint : to) {
      std::array<char, 512> text{};
      const int size = std::snprintf(text.data(), text.size(), "%s %ld %.6f %.6f", pod.c_str(),
                                     number, begun, now());
      sendto(fd, text.data(), static_cast<std::size_t>(size), 0,
             reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.length);
    }
    close(fd);
    // Do not make up for packets that were missed while other processes used the CPU.
    next =
        std::max(next + std::chrono::milliseconds(milliseconds), std::chrono::steady_clock::now());
    std::this_thread::sleep_until(next);
  }
  for (;;) pause();
}

// Prints one datagram with the time at which the kernel took it from the wire.
bool printDatagram(int fd, const std::string& port) {
  std::array<char, 512> text{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control{};
  iovec part{text.data(), text.size() - 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(fd, &message, MSG_DONTWAIT) < 0) return false;
  timespec arrived{};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_TIMESTAMPNS)
    std::memcpy(&arrived, CMSG_DATA(header), sizeof arrived);
  std::printf("%.6f %s %s\n",
              static_cast<double>(arrived.tv_sec) + static_cast<double>(arrived.tv_nsec) / 1e9,
              port.c_str(), text.data());
  return true;
}

int collect(const std::vector<std::string>& ports) {
  std::vector<pollfd> sockets;
  for (const auto& port : ports) {
    const int fd = listenOn(SOCK_DGRAM, port);
    const int yes = 1;
    const int bytes = 4 << 20;  // as much as the kernel allows, so that nothing is lost here
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    sockets.push_back({fd, POLLIN, 0});
  }
  for (;;) {
    poll(sockets.data(), sockets.size(), -1);
    for (std::size_t i = 0; i < sockets.size(); ++i)
      while (printDatagram(sockets[i].fd, ports[i])) {
      }
    std::fflush(stdout);
  }
}

int run(const std::vector<std::string>& words) {
  if (words.size() >= 2 && words[0] == "serve") return serve({words.begin() + 1, words.end()});
  if ((words.size() == 4 || words.size() == 5) && words[0] == "get")
    return get(endpointOf(words[1], words[2], words[3]),
               words.size() == 5 ? std::stol(words[4]) : 1000);
  if ((words.size() == 5 || words.size() == 6) && words[0] == "every")
    return every(std::stol(words[1]), endpointOf(words[2], words[3], words[4]),
                 words.size() == 6 ? std::stol(words[5]) : 950);
  if (words.size() >= 5 && words[0] == "stream") {
    std::vector<Endpoint> to;
    for (std::size_t i = 4; i < words.size(); ++i)
      to.push_back(endpointOf("udp", words[3], words[i]));
    return stream(std::stol(words[1]), std::stol(words[2]), to);
  }
  if (words.size() >= 2 && words[0] == "collect") return collect({words.begin() + 1, words.end()});
  std::fprintf(stderr,
               "usage: probe serve tcp/PORT|udp/PORT... | get tcp|udp ADDRESS PORT [MS] | "
               "every MS tcp|udp ADDRESS PORT [MS] | stream MS COUNT ADDRESS PORT... | "
               "collect PORT...\n");
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { _exit(0); });
  return run({argv + 1, argv + argc});
}
