// SPDX-License-Identifier: Apache-2.0
#include "kube/http_response.hpp"

#include "kube/api_error.hpp"
#include "kube/gunzip.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <array>
#include <charconv>

namespace kpol::kube {

namespace http = boost::beast::http;

namespace {

// The limit for the head of a response, the head of a chunk (which may have extensions), and the
// trailer after the last chunk.
constexpr std::uint32_t kLongestHead = 64 * 1024;
constexpr std::size_t kMostOfParser = 65536;  // bytes of the body that one call of it returns

[[noreturn]] void fail(const boost::system::error_code& error) {
  throw ApiError("not an HTTP response: " + error.message());
}

std::optional<std::chrono::seconds> secondsOf(std::string_view text) {
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

struct ResponseReader::State {
  using Parser = http::response_parser<http::buffer_body>;

  State() {
    parser.header_limit(kLongestHead);
    parser.body_limit(boost::none);
  }
  void readHead();
  void checkEnd() const;
  std::size_t put(std::string_view bytes);
  std::size_t parse(std::string_view bytes, std::string& body);

  Parser parser;
  std::size_t headSize = 0;  // bytes of the response's head parsed so far; 0 after it
  std::string pending;       // bytes that the parser could not use yet
  bool bodyBegun = false;
  std::optional<ResponseHead> head;
  void unpack(std::string_view part, std::string& body);
  [[nodiscard]] bool isPacked() const { return gunzip && (gunzip->hasMore() || !packed.empty()); }

  std::optional<Gunzip> gunzip;
  std::string packed;    // bytes that gunzip could not use yet
  bool stopped = false;  // feed() returned before it had used all bytes
};

ResponseReader::ResponseReader() : state_(std::make_unique<State>()) {}
ResponseReader::~ResponseReader() = default;
ResponseReader::ResponseReader(ResponseReader&&) noexcept = default;
ResponseReader& ResponseReader::operator=(ResponseReader&&) noexcept = default;

void ResponseReader::State::readHead() {
  const auto& message = parser.get();
  head.emplace();
  head->status = message.result_int();
  head->retryAfter = secondsOf(message[http::field::retry_after]);
  head->keepAlive = message.keep_alive();
  const auto encoding = message[http::field::content_encoding];
  if (encoding == "gzip") {
    gunzip.emplace();
  } else if (!encoding.empty() && encoding != "identity") {
    throw ApiError("the response has an encoding that was not requested: " + std::string(encoding));
  }
}

void ResponseReader::State::checkEnd() const {
  if (parser.is_done() && gunzip && !gunzip->complete())
    throw ApiError("the response ended within its gzip data");
}

// Returns how many bytes the parser used. Gives it no more bytes at a time than a head may have:
// Beast's own limit applies only to the bytes of one call, and it parses header fields one by one.
std::size_t ResponseReader::State::put(std::string_view bytes) {
  const std::size_t most = kLongestHead - headSize;
  const auto given = bytes.substr(0, most);
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::const_buffer(given.data(), given.size()), error);
  const bool stands = !head || used == 0;
  if (error == http::error::need_more && stands && given.size() == most)
    throw ApiError("the response's header is too large");
  if (error && error != http::error::need_more && error != http::error::need_buffer) fail(error);
  if (!head) headSize += used;
  return used;
}

void ResponseReader::State::unpack(std::string_view part, std::string& body) {
  packed += part;
  packed.erase(0, gunzip->feed(packed, body));
}

std::size_t ResponseReader::State::parse(std::string_view bytes, std::string& body) {
  // Beast assumes that the first bytes of a chunked body are at least as many as those of the
  // shortest body, in which the last chunk is also the first.
  constexpr std::string_view kShortest = "0\r\n\r\n";
  const bool begins = head && !bodyBegun && parser.chunked();
  if (begins && bytes.size() < kShortest.size()) return 0;
  bodyBegun = bodyBegun || head;
  std::array<char, kMostOfParser> room;
  auto& sink = parser.get().body();
  sink.data = room.data();
  sink.size = room.size();
  sink.more = true;
  const std::size_t used = put(bytes);
  if (!head && parser.is_header_done()) {
    readHead();
    headSize = 0;
    parser.eager(true);  // not earlier, because the body may still be too short, see above
  }
  const std::string_view part(room.data(), room.size() - sink.size);
  if (gunzip) {
    unpack(part, body);
  } else {
    body += part;
  }
  return used;
}

void ResponseReader::feed(std::string_view bytes, std::string& body) {
  auto& pending = state_->pending;
  pending += bytes;
  const std::size_t most = body.size() + kMostAtOnce - Gunzip::kMostAtOnce - kMostOfParser;
  if (state_->isPacked()) state_->unpack({}, body);
  std::size_t at = 0;
  std::size_t used = 1;
  const auto mayGoOn = [&] { return !state_->isPacked() && body.size() <= most; };
  while (mayGoOn() && used > 0 && at < pending.size() && !state_->parser.is_done()) {
    used = state_->parse(std::string_view(pending).substr(at), body);
    at += used;
  }
  pending.erase(0, at);
  state_->stopped = !mayGoOn();
  if (state_->stopped) return;
  state_->checkEnd();
  if (complete() && !pending.empty()) throw ApiError("bytes after the end of a response");
}

bool ResponseReader::hasMore() const {
  return state_->stopped;
}

void ResponseReader::close() {
  if (!state_->parser.is_header_done())
    throw ApiError("the connection was closed before a response");
  boost::system::error_code error;
  state_->parser.put_eof(error);
  if (error) throw ApiError("the connection was closed within a response");
  state_->checkEnd();
}

const std::optional<ResponseHead>& ResponseReader::head() const {
  return state_->head;
}

bool ResponseReader::complete() const {
  return state_->parser.is_done() && !state_->stopped;
}

}  // namespace kpol::kube
