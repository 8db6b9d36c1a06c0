// SPDX-License-Identifier: Apache-2.0
#include "controller/http_message.hpp"

#include "conf/control_message.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>

namespace kpol::controller {
namespace {

namespace http = boost::beast::http;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percentDecoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hexDigit(text[i + 1]);
    const int low = hexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

// Calls `each` with every part of `text` between `separator`s, until it returns false.
template <class Each>
bool split(std::string_view text, char separator, Each each) {
  for (;;) {
    const auto end = text.find(separator);
    if (!each(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool addSegment(std::string_view part, Target& target) {
  auto segment = percentDecoded(part);
  if (!segment || segment->empty()) return false;
  target.segments.push_back(*std::move(segment));
  return true;
}

bool addParameter(std::string_view part, Target& target) {
  const auto equals = part.find('=');
  const auto name = percentDecoded(part.substr(0, equals));
  const auto value = percentDecoded(equals == std::string_view::npos ? std::string_view()
                                                                     : part.substr(equals + 1));
  if (!name || !value) return false;
  target.query[*name] = *value;
  return true;
}

unsigned statusOf(const boost::system::error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  return 400;
}

// The head of a chunk has no size limit, so a body must have a Content-Length.
bool isOfUnknownLength(const http::header<true>& head) {
  return head.find(http::field::transfer_encoding) != head.end();
}

}  // namespace

std::string print(const Response& response, bool keepAlive) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  text += http::obsolete_reason(http::int_to_status(response.status));
  text += "\r\nContent-Type: " + response.contentType;
  text += "\r\nContent-Length: " + std::to_string(response.body.size());
  if (!response.allow.empty()) text += "\r\nAllow: " + response.allow;
  text += keepAlive ? "\r\nConnection: keep-alive" : "\r\nConnection: close";
  text += "\r\n\r\n";
  text += response.body;
  return text;
}

Response errorResponse(unsigned status, const std::string& text) {
  Response response;
  response.status = status;
  response.body = conf::printErrorBody(text);
  return response;
}

std::optional<Target> parseTarget(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  const auto question = text.find('?');
  const auto path = text.substr(1, question == std::string_view::npos ? question : question - 1);
  Target target;
  if (!path.empty() && !split(path, '/', [&](auto part) { return addSegment(part, target); }))
    return std::nullopt;
  if (question == std::string_view::npos) return target;
  if (!split(text.substr(question + 1), '&', [&](auto part) { return addParameter(part, target); }))
    return std::nullopt;
  return target;
}

struct RequestParser::State {
  using Parser = http::request_parser<http::string_body>;

  void restart() {
    parser.emplace();
    parser->header_limit(kMaxHeader);
    parser->body_limit(kMaxBody);
    headSize = 0;
  }
  bool parse();
  boost::system::error_code put();

  std::string bytes;  // not parsed yet
  std::optional<Parser> parser;
  std::size_t headSize = 0;  // bytes of the request's head parsed so far
  std::optional<Response> failure;
};

// Gives the parser no more bytes of a head than are left of kMaxHeader. Beast's own limit applies
// only to the bytes of one call, and it parses header fields one by one.
boost::system::error_code RequestParser::State::put() {
  const bool inHead = !parser->is_header_done();
  const std::size_t most = inHead ? kMaxHeader - headSize : bytes.size();
  const std::size_t given = std::min(most, bytes.size());
  boost::system::error_code error;
  const auto used = parser->put(boost::asio::const_buffer(bytes.data(), given), error);
  bytes.erase(0, used);
  if (!inHead) return error;
  headSize += used;
  if (error == http::error::need_more && given == most) error = http::error::header_limit;
  return error;
}

// Returns false if it needs more bytes or the request was rejected.
bool RequestParser::State::parse() {
  const bool inHead = !parser->is_header_done();
  const auto error = put();
  if (error == http::error::need_more) return false;
  if (error) {
    failure = errorResponse(statusOf(error), "not an HTTP request: " + error.message());
  } else if (inHead && isOfUnknownLength(parser->get().base())) {
    failure = errorResponse(411, "the body must have a Content-Length");
  }
  return !failure;
}

RequestParser::RequestParser() : state_(std::make_unique<State>()) {
  state_->restart();
}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

void RequestParser::feed(std::string_view bytes) {
  state_->bytes += bytes;
}

std::optional<Request> RequestParser::next() {
  if (state_->failure) return std::nullopt;
  while (!state_->bytes.empty() && !state_->parser->is_done())
    if (!state_->parse()) return std::nullopt;
  if (!state_->parser->is_done()) return std::nullopt;
  auto message = state_->parser->release();
  state_->restart();
  Request request{std::string(message.method_string()),
                  std::string(message.target()),
                  {},
                  message.keep_alive()};
  request.body = std::move(message.body());
  return request;
}

const std::optional<Response>& RequestParser::failure() const {
  return state_->failure;
}

}  // namespace kpol::controller
