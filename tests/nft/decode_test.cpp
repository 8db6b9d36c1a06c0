// SPDX-License-Identifier: Apache-2.0
#include "nft/decode.hpp"

#include "netlink/parse.hpp"
#include "nft/encode.hpp"
#include "nft/handles.hpp"
#include "tests/nft/rule_cases.hpp"
#include "tests/nft/set_cases.hpp"
#include "tests/nft/values.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>

namespace kpol::nft {
namespace {

using test::accept;
using test::ip;

// The rule decoded from its message.
Rule decoded(const nftnl_rule* rule) {
  Batch batch;
  batch.append({NFT_MSG_NEWRULE, 0}, 1U << 16U, [&](nlmsghdr* message) {
    nftnl_rule_nlmsg_build_payload(message, const_cast<nftnl_rule*>(rule));
  });
  netlink::Messages messages(batch.seal([] { return 1U; }));
  messages.next();
  return decodeRule(messages.next().value()).rule;
}

TEST(DecodeRule, IsTheInverseOfEncoding) {
  for (const auto& [text, rule, chain] : test::ruleCases())
    EXPECT_EQ(decoded(encodeRule("kpol", chain, rule).get()), rule) << text;
}

// A rule built from expressions: name and attributes.
class ByHand {
 public:
  ByHand() : rule_(allocated<RulePtr>(nftnl_rule_alloc())) {
    check(nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, "kpol"));
    check(nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, "forward"));
  }

  using Numbers = std::vector<std::pair<std::uint16_t, std::uint32_t>>;
  ByHand& add(const char* name, const Numbers& numbers) {
    nftnl_expr* expr = nftnl_expr_alloc(name);
    for (const auto& [attribute, value] : numbers) nftnl_expr_set_u32(expr, attribute, value);
    nftnl_rule_add_expr(rule_.get(), expr);
    return *this;
  }
  ByHand& compare(std::uint32_t operation, const Key& value) {
    nftnl_expr* expr = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
    nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value.bytes().data(),
                   static_cast<std::uint32_t>(value.bytes().size()));
    nftnl_rule_add_expr(rule_.get(), expr);
    return *this;
  }
  ByHand& loadPayload(std::uint32_t base, std::uint32_t offset, std::uint32_t length) {
    return add("payload", {{NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1},
                           {NFTNL_EXPR_PAYLOAD_BASE, base},
                           {NFTNL_EXPR_PAYLOAD_OFFSET, offset},
                           {NFTNL_EXPR_PAYLOAD_LEN, length}});
  }
  ByHand& loadMeta(std::uint32_t key, std::uint32_t reg = NFT_REG_1) {
    return add("meta", {{NFTNL_EXPR_META_KEY, key}, {NFTNL_EXPR_META_DREG, reg}});
  }

  [[nodiscard]] Rule decode() const { return decoded(rule_.get()); }

 private:
  RulePtr rule_;
};

bool hasUnknown(const Rule& rule) {
  return std::ranges::any_of(rule.statements, [](const Statement& statement) {
    return std::holds_alternative<UnknownStatement>(statement);
  });
}

// In an inet table `ip saddr` without its protocol would match bytes of IPv6 headers.
TEST(DecodeRule, AFieldWithoutItsDependencyIsNotThatField) {
  EXPECT_TRUE(hasUnknown(ByHand()
                             .loadPayload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4)
                             .compare(NFT_CMP_EQ, ip("10.0.0.1"))
                             .decode()));
  EXPECT_TRUE(hasUnknown(ByHand()
                             .loadMeta(NFT_META_NFPROTO)
                             .compare(NFT_CMP_EQ, test::byte(10))
                             .loadPayload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4)
                             .compare(NFT_CMP_EQ, ip("10.0.0.1"))
                             .decode()));
}

TEST(DecodeRule, UnusualRegisterUseIsUnknown) {
  // Loaded and never used.
  EXPECT_TRUE(hasUnknown(ByHand().loadMeta(NFT_META_L4PROTO).decode()));
  // Compared without having been loaded.
  EXPECT_TRUE(hasUnknown(ByHand().compare(NFT_CMP_EQ, test::byte(6)).decode()));
  // Loaded elsewhere than compared.
  EXPECT_TRUE(hasUnknown(
      ByHand().loadMeta(NFT_META_L4PROTO, NFT_REG_2).compare(NFT_CMP_EQ, test::byte(6)).decode()));
  // Half a range.
  EXPECT_TRUE(hasUnknown(ByHand()
                             .loadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
                             .compare(NFT_CMP_GTE, test::port(80))
                             .decode()));
  EXPECT_TRUE(hasUnknown(ByHand()
                             .loadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
                             .compare(NFT_CMP_LTE, test::port(80))
                             .decode()));
  // A comparison of too few bytes.
  EXPECT_TRUE(hasUnknown(ByHand()
                             .loadPayload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
                             .compare(NFT_CMP_EQ, test::byte(80))
                             .decode()));
}

TEST(DecodeRule, OtherExpressionsAreUnknownAndKeepTheirNames) {
  const Rule rule =
      ByHand()
          .add("notrack", {})
          .loadMeta(NFT_META_MARK)
          .add("immediate", {{NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT}, {NFTNL_EXPR_IMM_VERDICT, 1}})
          .decode();
  const std::vector<Statement> expected{UnknownStatement{"notrack "},
                                        UnknownStatement{"meta load mark => reg 1 "}, accept()};
  EXPECT_EQ(rule.statements, expected);
}

// NAT statements that kpol does not use: flags, ranges, source NAT, a destination that is not from
// a map.
TEST(DecodeRule, OtherTranslationsAreUnknown) {
  EXPECT_TRUE(hasUnknown(ByHand().add("masq", {{NFTNL_EXPR_MASQ_FLAGS, 4}}).decode()));
  const ByHand::Numbers toRegister{{NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT},
                                   {NFTNL_EXPR_NAT_FAMILY, 2},
                                   {NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1}};
  EXPECT_TRUE(hasUnknown(ByHand().add("nat", toRegister).decode()));
  const Rule ours{{nft::DestinationNat{base::Family::V4, {Field::L4Proto, Field::ThDport}, "x"}},
                  {}};
  const auto with = [&](std::uint16_t attribute, std::uint32_t value) {
    const auto rule = encodeRule("kpol", "prerouting", ours);
    const auto iterator = allocated<ExprIteratorPtr>(nftnl_expr_iter_create(rule.get()));
    while (nftnl_expr* expr = nftnl_expr_iter_next(iterator.get()))
      if (nftnl_expr_get_str(expr, NFTNL_EXPR_NAME) == std::string_view("nat"))
        nftnl_expr_set_u32(expr, attribute, value);
    return decoded(rule.get());
  };
  EXPECT_FALSE(hasUnknown(with(NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT)));
  EXPECT_TRUE(hasUnknown(with(NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT)));
  EXPECT_TRUE(hasUnknown(with(NFTNL_EXPR_NAT_FAMILY, 10)));
  EXPECT_TRUE(hasUnknown(with(NFTNL_EXPR_NAT_FLAGS, 4)));
  EXPECT_TRUE(hasUnknown(with(NFTNL_EXPR_NAT_REG_PROTO_MAX, NFT_REG_4)));
}

TEST(DecodeRule, LookupsInAnonymousSetsAreUnknown) {
  const Rule rule{{test::in({Field::L4Proto}, "__set0"), accept()}, {}};
  EXPECT_TRUE(hasUnknown(decoded(encodeRule("kpol", "forward", rule).get())));
}

std::optional<Set> decodedSet(const nftnl_set* set) {
  Batch batch;
  batch.append({NFT_MSG_NEWSET, 0}, 4096, [&](nlmsghdr* message) {
    nftnl_set_nlmsg_build_payload(message, const_cast<nftnl_set*>(set));
  });
  netlink::Messages messages(batch.seal([] { return 1U; }));
  messages.next();
  return decodeSet(messages.next().value());
}

TEST(DecodeSet, IsTheInverseOfEncoding) {
  for (const Set& set : test::setCases())
    EXPECT_EQ(decodedSet(encodeSet("kpol", set, 1).get()), declarationOf(set)) << set.name;
}

TEST(DecodeSet, SetsOfOtherKindsHaveNoKey) {
  const Set ours = test::setCases().front();
  for (const auto& [attribute, value] : ByHand::Numbers{
           {NFTNL_SET_KEY_TYPE, 9U},
           {NFTNL_SET_KEY_LEN, 5U},
           {NFTNL_SET_FLAGS, std::uint32_t{NFT_SET_TIMEOUT}},
           {NFTNL_SET_FLAGS, std::uint32_t{NFT_SET_MAP}},
       }) {
    const auto set = encodeSet("kpol", ours, 1);
    nftnl_set_set_u32(set.get(), attribute, value);
    const auto decoded = decodedSet(set.get());
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(decoded->key.empty()) << attribute << " " << value;
  }
}

TEST(DecodeSet, AnonymousSetsAreIgnored) {
  const auto set = encodeSet("kpol", test::setCases().front(), 1);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_ANONYMOUS);
  EXPECT_EQ(decodedSet(set.get()), std::nullopt);
}

TEST(UserdataText, FindsTheTypeAmongOthers) {
  const std::vector<std::uint8_t> bytes{1, 2, 'a', 0, 7, 3, 'h', 'i', 0};
  EXPECT_EQ(userdataText(bytes, 7), "hi");
  EXPECT_EQ(userdataText(bytes, 1), "a");
  EXPECT_EQ(userdataText(bytes, 2), "");
}

TEST(UserdataText, StopsAtAnEntryThatIsCutOff) {
  const std::vector<std::uint8_t> bytes{1, 2, 'a', 0, 7, 9, 'h', 'i', 0};
  EXPECT_EQ(userdataText(bytes, 7), "");
  EXPECT_EQ(userdataText(std::span(bytes).first(1), 1), "");
  EXPECT_EQ(userdataText({}, 1), "");
}

}  // namespace
}  // namespace kpol::nft
