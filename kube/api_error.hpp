// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

namespace kpol::kube {

// The API server could not be asked, or its answer not be read: no connection, a broken one,
// silence, credentials that cannot be had. what() never holds a credential.
class ApiError : public base::Error {
 public:
  using Error::Error;
};

// Somebody asked that the wait for the API server be given up.
class Interrupted : public ApiError {
 public:
  Interrupted() : ApiError("interrupted") {}
};

}  // namespace kpol::kube
