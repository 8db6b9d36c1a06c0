// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_error.hpp"

#include "conf/json_object.hpp"

namespace kpol::conf {

CniFailure::CniFailure(CniError error)
    : Error(error.details.empty() ? error.msg : error.msg + "; " + error.details),
      error_(std::move(error)) {}

CniFailure::CniFailure(CniCode code, std::string msg, std::string details)
    : CniFailure(CniError{static_cast<std::uint32_t>(code), std::move(msg), std::move(details)}) {}

std::string print(const CniError& error, CniVersion version) {
  Json json{{"cniVersion", toString(version)}, {"code", error.code}, {"msg", error.msg}};
  if (!error.details.empty()) json["details"] = error.details;
  // External paths and names may contain any byte, and the error must still be printed.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

CniError parseError(std::string_view json) {
  const Json parsed = parseJson(json, "error result");
  const JsonObject object(parsed, "");
  const auto code = object.integer("code", {0, UINT32_MAX});
  if (!code) throw ConfigError("code", "must be given");
  return {static_cast<std::uint32_t>(*code), object.optionalString("msg").value_or(""),
          object.optionalString("details").value_or("")};
}

}  // namespace kpol::conf
