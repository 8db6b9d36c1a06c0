// SPDX-License-Identifier: Apache-2.0
#include "control/answer.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace kpol::control {
namespace {

namespace http = boost::beast::http;

constexpr std::uint64_t kLargestBody = std::uint64_t{256} << 20;
// The limit of the response's head, and of the head of each chunk.
constexpr std::uint32_t kLongestHead = 64 * 1024;
// Beast assumes that the first bytes of a chunked body are at least as many as in the shortest
// body, which is this one.
constexpr std::string_view kShortest = "0\r\n\r\n";

}  // namespace

struct AnswerReader::State {
  std::size_t parse(std::string_view bytes);

  http::response_parser<http::string_body> parser;
  std::string pending;       // bytes that the parser needs again: an incomplete line
  std::size_t headSize = 0;  // parsed bytes of the response's head; 0 after it
  bool bodyBegun = false;
};

AnswerReader::AnswerReader() : state_(std::make_unique<State>()) {
  state_->parser.header_limit(kLongestHead);
  state_->parser.body_limit(kLargestBody);
}
AnswerReader::~AnswerReader() = default;

// Returns how many bytes the parser used. It is given at most the remaining size of a head, because
// Beast applies its limit only to the bytes of one call, and parses the fields of a head one by
// one.
std::size_t AnswerReader::State::parse(std::string_view bytes) {
  const bool inHead = !parser.is_header_done();
  const bool begins = !inHead && !bodyBegun && parser.chunked();
  if (begins && bytes.size() < kShortest.size()) return 0;
  bodyBegun = !inHead;
  const std::size_t most = kLongestHead - headSize;
  const auto given = bytes.substr(0, most);
  boost::system::error_code error;
  const auto used = parser.put(boost::asio::const_buffer(given.data(), given.size()), error);
  const bool stands = inHead || used == 0;
  if (error == http::error::need_more && stands && given.size() == most)
    error = http::error::header_limit;
  if (error && error != http::error::need_more)
    throw NoAnswer("not an HTTP response: " + error.message());
  if (inHead) headSize = parser.is_header_done() ? 0 : headSize + used;
  return used;
}

void AnswerReader::feed(std::string_view bytes) {
  auto& pending = state_->pending;
  pending += bytes;
  std::size_t at = 0;
  while (at < pending.size() && !complete()) {
    const std::size_t used = state_->parse(std::string_view(pending).substr(at));
    at += used;
    if (used == 0) break;
  }
  pending.erase(0, at);
}

void AnswerReader::close() {
  auto& parser = state_->parser;
  boost::system::error_code error;
  if (parser.is_header_done()) parser.put_eof(error);
  if (error || !complete())
    throw NoAnswer("closed the connection before its response was complete");
}

bool AnswerReader::complete() const {
  return state_->parser.is_done();
}

Response AnswerReader::take() {
  base::expects(complete(), "the answer is complete");
  auto& message = state_->parser.get();
  return {message.result_int(), std::move(message.body())};
}

}  // namespace kpol::control
