// SPDX-License-Identifier: Apache-2.0
#include "policy/names.hpp"

#include <fmt/format.h>

namespace kpol::policy {
namespace {

// FNV-1a with a final mix (MurmurHash3's fmix64), so that all bits of the truncated hash depend on
// all bytes. Stable across processes and machines, which std::hash does not promise.
std::uint64_t hashOf(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 14695981039346656037ULL + seed;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash = (hash ^ (hash >> 33U)) * 0xFF51AFD7ED558CCDULL;
  hash = (hash ^ (hash >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return hash ^ (hash >> 33U);
}

}  // namespace

Identity& Identity::add(std::string_view part) {
  text_ += std::to_string(part.size());
  text_ += ':';
  text_ += part;
  return *this;
}

Identity& Identity::add(std::uint64_t number) {
  return add(std::to_string(number));
}

std::string digitsOf(const Identity& identity) {
  return fmt::format("{:012x}", hashOf(identity.text(), 0) >> 16U);
}

std::string Names::name(std::string_view prefix, const Identity& identity) {
  for (std::uint64_t seed = 0;; ++seed) {
    auto name = fmt::format("{}-{:012x}", prefix, hashOf(identity.text(), seed) >> 16U);
    const auto [entry, isNew] = owner_.try_emplace(name, identity.text());
    if (isNew) bytes_ += name.size() + identity.text().size();
    if (isNew || entry->second == identity.text()) return name;
  }
}

std::string cut(std::string text, std::size_t bytes) {
  if (text.size() > bytes) text.replace(bytes - 3, text.npos, "...");
  return text;
}

}  // namespace kpol::policy
