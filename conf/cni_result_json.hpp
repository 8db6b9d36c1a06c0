// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_result.hpp"
#include "conf/json_object.hpp"

namespace kpol::conf {

CniResult readResult(const JsonObject& result);
CniDns readDns(const JsonObject& dns);

}  // namespace kpol::conf
