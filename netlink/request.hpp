// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"
#include "netlink/parse.hpp"
#include "netlink/socket.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

// Requests and their answers, for any netlink family.
namespace kpol::netlink {

// The kernel's "no".
struct Refusal {
  int code = 0;        // errno, > 0
  std::string extack;  // the kernel's own words (NLMSGERR_ATTR_MSG); may be empty
  bool operator==(const Refusal&) const = default;
};

using OnObject = std::function<void(const MessageView&)>;

// The answer to one request, fed datagram by datagram. No I/O.
class Exchange {
 public:
  enum class Kind {
    Acknowledged,  // ends with an NLMSG_ERROR, whose code may be 0
    Answered,      // ends with the one object asked for, or an NLMSG_ERROR
    Dump,          // ends with NLMSG_DONE or an NLMSG_ERROR
  };
  Exchange(Kind kind, std::uint32_t sequence, std::uint32_t portId)
      : kind_(kind), sequence_(sequence), portId_(portId) {}

  // True when the answer is complete. Objects go to onObject; messages with another sequence or
  // port ID (late answers to abandoned requests, notifications) are skipped. Throws Error: EBADMSG
  // on malformed bytes, ENOBUFS when the kernel says that it dropped some.
  bool feed(std::span<const std::uint8_t> datagram, const OnObject& onObject);

  // The objects of a dump changed while it ran (NLM_F_DUMP_INTR): some may be missing or twice.
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  // Nothing: it was granted.
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }

 private:
  bool feedOne(const MessageView& message, const OnObject& onObject);

  Kind kind_;
  std::uint32_t sequence_;
  std::uint32_t portId_;
  bool interrupted_ = false;
  std::optional<Refusal> refusal_;
};

// How long the kernel may stay silent before Error with ETIMEDOUT.
constexpr std::chrono::seconds kAnswerTimeout{5};
// How often an interrupted dump is started again before Error with EAGAIN.
constexpr int kDumpRestarts = 5;

// Sends one request and waits for its end. ENOBUFS is thrown: whether the request was carried out
// is then unknown.
std::optional<Refusal> request(Socket& socket, Message& message, Exchange::Kind kind,
                               const OnObject& onObject = {});

// Where the objects of a dump go.
struct DumpSink {
  std::function<void()> restart;  // forget what came so far
  OnObject onObject;
};

// Dumps until one pass was neither interrupted nor overrun (ENOBUFS).
std::optional<Refusal> dump(Socket& socket, Message& message, const DumpSink& sink);

}  // namespace kpol::netlink
