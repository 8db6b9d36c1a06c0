// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace kpol::test {

// A Unix stream socket in a directory of its own, served by one thread, one connection after the
// other. Gone with the object, after the connection it is at.
class UnixServer {
 public:
  class Connection {
   public:
    explicit Connection(int fd) : fd_(fd) {}
    // Returns the bytes that the client sent until `end` (or until it closed the connection).
    std::string readUntil(std::string_view end);
    // Head and body of one HTTP request.
    std::string readRequest();
    // False: the client is gone.
    bool write(std::string_view bytes);
    // Returns when the client hangs up, after 20 s at most.
    void waitForHangup();

   private:
    bool readMore(std::string& text);
    base::UniqueFd fd_;
  };

  using Handler = std::function<void(Connection&)>;
  explicit UnixServer(Handler handler);
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;
  ~UnixServer();

  [[nodiscard]] const std::string& path() const { return path_; }

  // Responds to each request with this status and body.
  static Handler answering(unsigned status, std::string body);

 private:
  void serve(const Handler& handler);

  std::string directory_;
  std::string path_;
  base::UniqueFd socket_;
  base::UniqueFd stop_;
  std::thread thread_;
};

// Returns an HTTP response with Content-Length.
std::string httpAnswer(unsigned status, std::string_view body);

}  // namespace kpol::test
