// SPDX-License-Identifier: Apache-2.0
// An attachment's file, the body of PUT /v1/attachments, and the fields that the plugin reads from
// responses.
#include "base/error.hpp"
#include "conf/attachment.hpp"
#include "conf/control_message.hpp"
#include "tests/fuzz/fuzz.hpp"

KPOL_FUZZ_HARNESS(attachment) {
  const auto text = kpol::fuzz::textOf(data, size);
  (void)kpol::conf::saysReady(text);
  (void)kpol::conf::saysSettling(text);
  (void)kpol::conf::saysEnforced(text);
  (void)kpol::conf::faultIn(text);
  (void)kpol::conf::printErrorBody(kpol::conf::errorTextOf(text));
  try {
    const auto attachment = kpol::conf::parseAttachment(text);
    kpol::fuzz::require(!attachment.ips.empty(), "an attachment has an address");
    kpol::fuzz::require(kpol::conf::parseAttachment(print(attachment)) == attachment,
                        "what is printed is read back");
    const auto file = kpol::conf::fileOf(idOf(attachment));
    kpol::fuzz::require(file.find("..") == file.npos || file.find("/../") == file.npos,
                        "its file is in the directory");
  } catch (const kpol::base::Error&) {
    // rejected: a valid result
  }
  return 0;
}
