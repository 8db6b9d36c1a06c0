// SPDX-License-Identifier: Apache-2.0
// Asio's own definitions for TLS, compiled once (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
