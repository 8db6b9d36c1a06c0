// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <algorithm>
#include <array>
#include <string_view>

// Short functions for the values in tests of nft/. Invalid text is a bug in the test.
namespace kpol::test {

inline nft::Key ip(std::string_view text) {
  return nft::Key::of(base::IpAddress::parse(text).value());
}
inline nft::Key interface(std::string_view text) {
  return nft::Key::of(base::IfName::parse(text).value());
}
// The beginning of interface names, as `iifname "kpol*"` has it.
inline nft::Key interfacesLike(std::string_view start) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(start.begin(), start.end(), bytes.begin());
  return nft::Key(bytes);
}
inline nft::Key byte(unsigned value) {
  return nft::Key::of(static_cast<std::uint8_t>(value));
}
inline nft::Key port(unsigned value) {
  return nft::Key::of(static_cast<std::uint16_t>(value));
}
inline nft::Key word(std::uint32_t hostOrder) {  // a mark or ct state
  std::array<std::uint8_t, 4> bytes;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&hostOrder), bytes.size(), bytes.begin());
  return nft::Key(bytes);
}
inline const nft::Key kTcp = nft::Key::of(base::Protocol::Tcp);
inline const nft::Key kUdp = nft::Key::of(base::Protocol::Udp);

inline nft::Verdict accept() {
  return {nft::Verdict::Kind::Accept, {}};
}
inline nft::Verdict drop() {
  return {nft::Verdict::Kind::Drop, {}};
}
inline nft::Verdict jump(std::string chain) {
  return {nft::Verdict::Kind::Jump, std::move(chain)};
}
inline nft::Verdict goTo(std::string chain) {
  return {nft::Verdict::Kind::Goto, std::move(chain)};
}

inline nft::Match is(nft::Field field, const nft::Key& value) {
  return {{field}, false, nft::Exact{value}};
}
inline nft::Match isNot(nft::Field field, const nft::Key& value) {
  return {{field}, true, nft::Exact{value}};
}
inline nft::Match in(std::vector<nft::Field> fields, std::string set) {
  return {std::move(fields), false, nft::InSet{std::move(set)}};
}
inline nft::Match notIn(std::vector<nft::Field> fields, std::string set) {
  return {std::move(fields), true, nft::InSet{std::move(set)}};
}

inline nft::Chain forwardChain(std::vector<nft::Rule> rules = {}) {
  using nft::BaseChain;
  return {
      "forward",
      BaseChain{BaseChain::Type::Filter, BaseChain::Hook::Forward, -5, nft::Verdict::Kind::Accept},
      std::move(rules)};
}

}  // namespace kpol::test
