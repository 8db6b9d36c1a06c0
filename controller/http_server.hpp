// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task_group.hpp"
#include "controller/http_message.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <functional>

namespace kpol::controller {

using HttpHandler = std::function<base::Task<Response>(Request)>;

// Accepts connections until cancelled; each is served by a coroutine in `connections`, which must
// outlive them. A connection that does not send a whole request, or does not take the answer,
// within 30 s is closed. When the client closes before the answer, the handler is cancelled.
base::Task<> serve(boost::asio::local::stream_protocol::acceptor acceptor, HttpHandler handler,
                   base::TaskGroup& connections);
base::Task<> serve(boost::asio::ip::tcp::acceptor acceptor, HttpHandler handler,
                   base::TaskGroup& connections);

}  // namespace kpol::controller
