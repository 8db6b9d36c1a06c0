// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/connection.hpp"

#include "conf/control_message.hpp"
#include "control/client.hpp"

#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

// kpold responds to queries at once, unless a commit blocks it for a while.
constexpr std::chrono::seconds kPatience{15};

}  // namespace

Json parseAnswer(const std::string& body) {
  Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) throw AnswerError(0, "kpold's response is not JSON");
  return json;
}

Connection::Answer Connection::request(const char* method, const std::string& target,
                                       std::chrono::milliseconds deadline) const {
  try {
    auto response = control::request(socket_, method, target, "", deadline);
    return {response.status, std::move(response.body)};
  } catch (const control::Unreachable& error) {
    const char* advice = error.connected() ? "; kpold is busy or stuck, see its log"
                                           : "; check that kpold runs on this node with this "
                                             "--socket";
    throw control::Unreachable(error.what() + std::string(advice), error.connected());
  }
}

Json Connection::get(const std::string& target) const {
  const Answer answer = request("GET", target, kPatience);
  if (answer.status != 200) throw AnswerError(answer.status, conf::errorTextOf(answer.body));
  return parseAnswer(answer.body);
}

Connection::Answer Connection::post(const std::string& target,
                                    std::chrono::milliseconds deadline) const {
  return request("POST", target, deadline);
}

std::string percentEncoded(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded.append({'%', kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return encoded;
}

}  // namespace kpol::kpolctl
