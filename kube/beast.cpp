// SPDX-License-Identifier: Apache-2.0
// Compiles Beast's definitions once (BOOST_BEAST_SEPARATE_COMPILATION).
#include <boost/beast/src.hpp>
