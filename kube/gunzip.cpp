// SPDX-License-Identifier: Apache-2.0
#include "kube/gunzip.hpp"

#include "kube/api_error.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>

#include <array>

namespace kpol::kube {

namespace zlib = boost::beast::zlib;

namespace {

constexpr std::size_t kHeadSize = 10;
constexpr std::size_t kTailSize = 8;
constexpr std::size_t kRoom = 65536;

// CRC-32 as gzip uses it (reversed polynomial 0xedb88320).
constexpr std::array<std::uint32_t, 256> crcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? 0xedb88320U ^ (value >> 1U) : value >> 1U;
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = crcTable();

std::uint32_t extendCrc(std::uint32_t crc, std::string_view bytes) {
  crc = ~crc;
  for (const char c : bytes)
    crc = kCrcTable[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8U);
  return ~crc;
}

std::uint32_t littleEndian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

}  // namespace

struct Gunzip::State {
  enum class Place : unsigned char { Head, Body, Tail, Done };

  std::string_view takeHead(std::string_view bytes);
  std::string_view inflate(std::string_view bytes, std::string& out);
  void takeTail(std::string_view bytes);

  Place place = Place::Head;
  std::string kept;  // bytes of the head or tail
  zlib::inflate_stream stream;
  std::uint32_t crc = 0;
  std::uint32_t size = 0;
  bool more = false;  // inflate() stopped before it had used all bytes
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) {}
Gunzip::~Gunzip() = default;
Gunzip::Gunzip(Gunzip&&) noexcept = default;
Gunzip& Gunzip::operator=(Gunzip&&) noexcept = default;

// Rejects the optional parts of the head, which Go servers do not send.
std::string_view Gunzip::State::takeHead(std::string_view bytes) {
  const auto part = bytes.substr(0, kHeadSize - kept.size());
  kept += part;
  bytes.remove_prefix(part.size());
  if (kept.size() < kHeadSize) return bytes;
  if (!kept.starts_with("\x1f\x8b\x08") || kept[3] != 0)
    throw ApiError("the response is not gzip data");
  kept.clear();
  place = Place::Body;
  return bytes;
}

std::string_view Gunzip::State::inflate(std::string_view bytes, std::string& out) {
  std::array<char, kRoom> room;
  zlib::z_params z;
  z.next_in = bytes.data();
  z.avail_in = bytes.size();
  boost::system::error_code error;
  const auto before = out.size();
  do {
    z.next_out = room.data();
    z.avail_out = room.size();
    stream.write(z, zlib::Flush::sync, error);
    const std::string_view part(room.data(), room.size() - z.avail_out);
    crc = extendCrc(crc, part);
    size += static_cast<std::uint32_t>(part.size());
    out += part;
    more = !error && (z.avail_in > 0 || z.avail_out == 0);
  } while (more && out.size() - before < kMostAtOnce);
  if (error == zlib::error::end_of_stream) {
    place = Place::Tail;
  } else if (error && error != zlib::error::need_buffers) {
    throw ApiError("the response's gzip data is damaged: " + error.message());
  }
  return bytes.substr(bytes.size() - z.avail_in);
}

void Gunzip::State::takeTail(std::string_view bytes) {
  kept += bytes;
  if (kept.size() > kTailSize) throw ApiError("the response has bytes after its gzip data");
  if (kept.size() < kTailSize) return;
  const bool intact = littleEndian(kept) == crc && littleEndian(kept.substr(4)) == size;
  if (!intact) throw ApiError("the response's gzip checksum is wrong");
  place = Place::Done;
}

std::size_t Gunzip::feed(std::string_view bytes, std::string& out) {
  auto rest = bytes;
  if (state_->place == State::Place::Head) rest = state_->takeHead(rest);
  if (state_->place == State::Place::Body && (state_->more || !rest.empty()))
    rest = state_->inflate(rest, out);
  const bool atTail = state_->place == State::Place::Tail || state_->place == State::Place::Done;
  if (!atTail || rest.empty()) return bytes.size() - rest.size();
  state_->takeTail(rest);
  return bytes.size();
}

bool Gunzip::hasMore() const {
  return state_->more;
}

bool Gunzip::complete() const {
  return state_->place == State::Place::Done;
}

}  // namespace kpol::kube
