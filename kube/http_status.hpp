// SPDX-License-Identifier: Apache-2.0
#pragma once

// The HTTP status codes (RFC 9110) that clients of the API server distinguish.
namespace kpol::kube::http_status {

inline constexpr unsigned kOk = 200;
inline constexpr unsigned kBadRequest = 400;
inline constexpr unsigned kUnauthorized = 401;
inline constexpr unsigned kGone = 410;
inline constexpr unsigned kUnprocessable = 422;
inline constexpr unsigned kServerError = 500;  // and above
inline constexpr unsigned kTimeout = 504;

}  // namespace kpol::kube::http_status
