// SPDX-License-Identifier: Apache-2.0
#include "kube/http_response.hpp"

#include "kube/api_error.hpp"
#include "kube/gunzip.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kpol::kube {
namespace {

std::string bytesOf(const std::vector<unsigned char>& bytes) {
  return {bytes.begin(), bytes.end()};
}

// `printf '{"items":[]}{"items":[]}{"items":[]}' | gzip -n`
const std::string kGzip =
    bytesOf({0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56,
             0xca, 0x2c, 0x49, 0xcd, 0x2d, 0x56, 0xb2, 0x8a, 0x8e, 0xad, 0xad, 0xc6,
             0xc1, 0x06, 0x00, 0xed, 0xe2, 0xc2, 0xce, 0x24, 0x00, 0x00, 0x00});
const std::string kPlain = R"({"items":[]}{"items":[]}{"items":[]})";

struct Read {
  std::string body;
  bool complete = false;
  ResponseHead head;
};

Read readAll(const std::string& text, std::size_t size, bool close = false) {
  ResponseReader reader;
  Read result;
  for (std::size_t at = 0; at < text.size(); at += size) {
    reader.feed(text.substr(at, size), result.body);
    while (reader.hasMore()) reader.feed({}, result.body);
  }
  if (close) reader.close();
  result.complete = reader.complete();
  if (reader.head()) result.head = *reader.head();
  return result;
}

std::string chunked(const std::string& body, std::size_t size, bool gzip) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
  if (gzip) text += "Content-Encoding: gzip\r\n";
  text += "\r\n";
  for (std::size_t at = 0; at < body.size(); at += size) {
    const std::string part = body.substr(at, size);
    char head[20];
    std::snprintf(head, sizeof head, "%zx\r\n", part.size());
    text += head + part + "\r\n";
  }
  return text + "0\r\n\r\n";
}

std::string chunked(const std::string& body, std::size_t size) {
  return chunked(body, size, body == kGzip);
}

TEST(HttpResponse, IsTheSameForAnySplit) {
  for (const std::string& body : {kPlain, kGzip}) {
    for (const std::size_t chunk : {1U, 7U, 1000U}) {
      const std::string text = chunked(body, chunk);
      for (std::size_t size = 1; size <= text.size(); ++size) {
        const Read read = readAll(text, size);
        ASSERT_EQ(read.body, kPlain) << chunk << " " << size;
        ASSERT_TRUE(read.complete && read.head.keepAlive && read.head.status == 200);
      }
    }
  }
}

// Beast's parser ends the process in a debug build when it sees three or four bytes of such a body.
TEST(HttpResponse, EmptyChunkedBodyIsTheSameForAnySplit) {
  const std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const Read read = readAll(text, size);
    EXPECT_TRUE(read.complete) << size;
    EXPECT_EQ(read.body, "");
  }
  EXPECT_THROW(readAll(text.substr(0, text.size() - 4) + "{}\r\n\r\n", 3), ApiError);
}

TEST(HttpResponse, OfKnownLengthAndToTheEndOfTheConnection) {
  const Read known = readAll("HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nab", 5);
  EXPECT_EQ(known.body, "ab");
  EXPECT_TRUE(known.complete);
  EXPECT_EQ(known.head.retryAfter, std::chrono::seconds(7));
  const Read open = readAll("HTTP/1.0 200 OK\r\n\r\nabc", 4, true);
  EXPECT_EQ(open.body, "abc");
  EXPECT_TRUE(open.complete);
  EXPECT_FALSE(open.head.keepAlive);
}

TEST(HttpResponse, ManyBytesAtOnce) {
  const std::string body(300000, 'x');
  EXPECT_EQ(readAll(chunked(body, 150000), 1000000).body, body);
  EXPECT_EQ(readAll(chunked(body, 100), 65536).body, body);
}

TEST(HttpResponse, TruncationIsAnError) {
  const std::string text = chunked(kGzip, 9);
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_THROW(readAll(text.substr(0, size), 1000, true), ApiError) << size;
}

TEST(HttpResponse, DamageIsAnError) {
  for (const char* text : {"hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc"})
    EXPECT_THROW(readAll(text, 1000), ApiError) << text;
  for (std::size_t at = 0; at < kGzip.size(); ++at) {
    // Time, flags and system in the gzip header are not used, nor are the bits after the last
    // block.
    if ((at >= 4 && at < 10) || at + 9 == kGzip.size()) continue;
    std::string wrong = kGzip;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x20);
    EXPECT_THROW(readAll(chunked(wrong, 1000, true), 1000), ApiError) << at;
  }
}

// A head of many short fields, the head of a chunk, and what follows the last one, without an end.
TEST(HttpResponse, TooLargeHeadIsAnError) {
  constexpr std::size_t kMost = 64 * 1024;
  const std::string chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::size_t size : {10U, 1000U, 65536U, 1000000U}) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    while (head.size() + 6 <= kMost - 2) head += "X: y\r\n";
    head.insert(head.size() - 2, kMost - 2 - head.size(), 'y');
    EXPECT_TRUE(readAll(head + "\r\n", size).complete) << size;
    head.insert(head.size() - 2, 1, 'y');
    EXPECT_THROW(readAll(head + "\r\n", size), ApiError) << size;
    EXPECT_THROW(readAll(head + head, size), ApiError) << size;
    const std::string extension = ";x=" + std::string(kMost, 'y');
    for (const std::string& text : {chunk + "1" + extension, chunk + "1\r\na\r\n1" + extension,
                                    chunk + "0" + extension, chunk + "0\r\nX: " + extension})
      EXPECT_THROW(readAll(text, size), ApiError) << size << " " << text.substr(0, 60);
    const std::string shorter = extension.substr(0, kMost - 10);
    EXPECT_EQ(readAll(chunk + "1" + shorter + "\r\na\r\n0\r\n\r\n", size).body, "a") << size;
  }
}

TEST(HttpResponse, BytesAfterTheEndAreAnErrorForAnySplit) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab";
  for (std::size_t size = 1; size <= text.size() + 3; ++size)
    EXPECT_THROW(readAll(text + "cde", size), ApiError) << size;
}

TEST(HttpResponse, DamagedResponsesAreReadOrRejected) {
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    std::string text = chunked(i % 2 == 0 ? kPlain : kGzip, 1 + random() % 20);
    for (auto n = 1 + random() % 3; n > 0; --n)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    try {
      readAll(text, 1 + random() % text.size(), true);
    } catch (const ApiError&) {
      // rejected
    }
  }
}

// Deflate with the fixed codes (RFC 1951, 3.2.6): one 'x', then copies of 258 bytes, 13 bits each.
std::string gzipOfManyX(std::size_t copies) {
  std::string text = bytesOf({0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3});
  unsigned filled = 0;
  const auto put = [&](unsigned bits, unsigned count) {  // the first bit is the lowest
    for (; count > 0; --count, bits >>= 1U, ++filled) {
      if (filled % 8 == 0) text += '\0';
      text.back() =
          static_cast<char>(static_cast<unsigned char>(text.back()) | (bits & 1U) << filled % 8);
    }
  };
  put(0b011, 3);       // last block, fixed codes
  put(0b00010101, 8);  // 'x' is 0x30 + 0x78, reversed
  for (std::size_t i = 0; i < copies; ++i) put(0b10100011, 8), put(0, 5);  // 285, distance 1
  put(0, 7);                                                               // the end of the block
  std::uint32_t crc = 0xffffffffU;
  const std::size_t size = 1 + 258 * copies;
  for (std::size_t i = 0; i < size; ++i) {
    crc ^= 'x';
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1U) != 0 ? 0xedb88320U ^ (crc >> 1U) : crc >> 1U;
  }
  for (const auto word : {~crc, static_cast<std::uint32_t>(size)})
    for (unsigned byte = 0; byte < 4; ++byte) text += static_cast<char>(word >> 8 * byte & 0xffU);
  return text;
}

// A tenant's annotations compress a thousandfold.
TEST(Gunzip, GivesALimitedPartPerCall) {
  constexpr std::size_t kCopies = 5000;
  const auto packed = gzipOfManyX(kCopies);
  EXPECT_LT(packed.size(), 10'000U);
  Gunzip gunzip;
  std::string_view rest = packed;
  std::size_t size = 0;
  std::size_t calls = 0;
  for (std::string out; !gunzip.complete() && calls < 100; ++calls) {
    out.clear();
    rest.remove_prefix(gunzip.feed(rest, out));
    EXPECT_LT(out.size(), Gunzip::kMostAtOnce + 65536);
    size += out.size();
  }
  EXPECT_TRUE(gunzip.complete());
  EXPECT_EQ(size, 1 + 258 * kCopies);
  EXPECT_GE(calls, 4U);
}

TEST(HttpResponse, GivesALimitedPartPerCall) {
  constexpr std::size_t kCopies = 8000;
  const auto text = chunked(gzipOfManyX(kCopies), 5000, true);
  ResponseReader reader;
  std::string body;
  reader.feed(text, body);
  for (std::size_t before = 0; reader.hasMore();) {
    EXPECT_FALSE(reader.complete());
    EXPECT_LE(body.size() - before, ResponseReader::kMostAtOnce);
    before = body.size();
    reader.feed({}, body);
    EXPECT_LE(body.size() - before, ResponseReader::kMostAtOnce);
  }
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(body, std::string(1 + 258 * kCopies, 'x'));
}

TEST(Gunzip, RejectsBytesAfterTheEnd) {
  Gunzip gunzip;
  std::string out;
  EXPECT_EQ(gunzip.feed(kGzip, out), kGzip.size());
  EXPECT_TRUE(gunzip.complete());
  EXPECT_EQ(out, kPlain);
  EXPECT_THROW(static_cast<void>(gunzip.feed("x", out)), ApiError);
}

}  // namespace
}  // namespace kpol::kube
