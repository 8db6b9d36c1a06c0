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

// Requests and responses, for any netlink family.
namespace kpol::netlink {

// The kernel rejected a request.
struct Refusal {
  int code = 0;        // errno, > 0
  std::string extack;  // the kernel's error text (NLMSGERR_ATTR_MSG); may be empty
  bool operator==(const Refusal&) const = default;
};

using OnObject = std::function<void(const MessageView&)>;

// Parses the response to one request, datagram by datagram. No I/O.
class Exchange {
 public:
  enum class Kind {
    Acknowledged,  // ends with an NLMSG_ERROR; code 0 is success
    Answered,      // ends with the requested object, or an NLMSG_ERROR
    Dump,          // ends with NLMSG_DONE or an NLMSG_ERROR
  };
  Exchange(Kind kind, std::uint32_t sequence, std::uint32_t portId)
      : kind_(kind), sequence_(sequence), portId_(portId) {}

  // Returns true when the response is complete. Passes objects to onObject. Skips messages with
  // another sequence number or port ID (late responses to abandoned requests, notifications).
  // Throws Error: EBADMSG for malformed bytes, ENOBUFS if the kernel reports dropped messages.
  bool feed(std::span<const std::uint8_t> datagram, const OnObject& onObject);

  // Objects changed during the dump (NLM_F_DUMP_INTR), so some may be missing or duplicated.
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  // nullopt: success.
  [[nodiscard]] const std::optional<Refusal>& refusal() const { return refusal_; }

 private:
  bool feedOne(const MessageView& message, const OnObject& onObject);

  Kind kind_;
  std::uint32_t sequence_;
  std::uint32_t portId_;
  bool interrupted_ = false;
  std::optional<Refusal> refusal_;
};

// Maximum wait for each datagram of a response; then Error with ETIMEDOUT.
constexpr std::chrono::seconds kAnswerTimeout{5};
// Maximum number of restarts of an interrupted dump; then Error with EAGAIN.
constexpr int kDumpRestarts = 5;

// Sends one request and waits for the end of its response. Returns the rejection, or nullopt on
// success. After Error with ENOBUFS, it is unknown whether the request was executed.
std::optional<Refusal> request(Socket& socket, Message& message, Exchange::Kind kind,
                               const OnObject& onObject = {});

// Receives the objects of a dump.
struct DumpSink {
  std::function<void()> restart;  // discard the objects received so far
  OnObject onObject;
};

// Repeats the dump until one pass was neither interrupted nor overrun (ENOBUFS). Returns the
// rejection, or nullopt on success.
std::optional<Refusal> dump(Socket& socket, Message& message, const DumpSink& sink);

}  // namespace kpol::netlink
