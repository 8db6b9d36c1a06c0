// SPDX-License-Identifier: Apache-2.0
// Compiles Asio's TLS definitions once (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
