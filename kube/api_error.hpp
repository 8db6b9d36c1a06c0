// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

namespace kpol::kube {

// The API server could not be queried or its response not be read: there is no connection, it
// broke, the server is silent, or the credentials are not available. what() never contains a
// credential.
class ApiError : public base::Error {
 public:
  using Error::Error;
};

// The wait for the API server was interrupted on request.
class Interrupted : public ApiError {
 public:
  Interrupted() : ApiError("interrupted") {}
};

}  // namespace kpol::kube
