// SPDX-License-Identifier: Apache-2.0
#include "tests/nft/worked_example.hpp"

#include "tests/nft/values.hpp"

namespace kpol::test {

using nft::Chain;
using nft::DataType;
using nft::element;
using nft::Field;
using nft::Set;

namespace {

Set declareSet(std::string name, std::vector<DataType> key, Set::Kind kind = Set::Kind::Set) {
  Set set;
  set.name = std::move(name);
  set.kind = kind;
  set.key = std::move(key);
  set.size = 128;
  return set;
}

void addSets(nft::Ruleset& table) {
  Set blocks = declareSet("blocks", {DataType::Ipv4Addr});
  blocks.size.reset();
  blocks.interval = true;
  blocks.elements = {nft::range(ip("10.0.0.0"), ip("10.255.255.255")),
                     nft::range(ip("192.168.1.3"), ip("192.168.1.9")), element(ip("192.168.2.2"))};
  table.add(blocks);
  Set endpoints = declareSet("endpoints", {DataType::IfName, DataType::Ipv4Addr});
  endpoints.comment = "local pods";
  endpoints.elements = {element(interface("kpol0123456789a").dot(ip("10.244.1.2")))};
  table.add(endpoints);
  Set ingress = declareSet("ingress", {DataType::Ipv4Addr}, Set::Kind::VerdictMap);
  ingress.elements = {element(ip("10.244.1.2"), goTo("in-shop"))};
  table.add(ingress);
  Set ports =
      declareSet("ports", {DataType::InetProto, DataType::InetService}, Set::Kind::VerdictMap);
  ports.elements = {element(kTcp.dot(port(80)), goTo("in-shop-80"))};
  table.add(ports);
}

void addChains(nft::Ruleset& table) {
  table.add(forwardChain({
      {{nft::Match{{Field::CtLabel}, false, nft::LabelBit{127}}, drop()}, ""},
      {{nft::Match{{Field::CtState},
                   false,
                   nft::AnyBit{nft::ct_state::kEstablished | nft::ct_state::kRelated}},
        accept()},
       ""},
      {{nft::Match{{Field::IifName}, false, nft::Wildcard{interfacesLike("kpol"), 32}},
        notIn({Field::IifName, Field::IpSaddr}, "endpoints"), drop()},
       ""},
      {{nft::VerdictMapLookup{{Field::IpDaddr}, "ingress"}}, ""},
      {{nft::Match{{Field::Icmpv6Type}, false, nft::Between{byte(133), byte(137)}}, accept()}, ""},
  }));
  table.add(Chain{"in-shop",
                  {},
                  {{{nft::VerdictMapLookup{{Field::L4Proto, Field::ThDport}, "ports"}}, ""},
                   {{nft::CounterReference{"deny-in-shop"}, drop()}, ""}}});
  table.add(Chain{"in-shop-80",
                  {},
                  {{{in({Field::IpSaddr}, "blocks"), accept()}, "shop/allow-web"},
                   {{nft::Log{"kpol ", std::uint16_t{5}}, drop()}, ""}}});
  table.add(Chain{"revoke", {}, {{{nft::SetCtLabel{127}}, ""}}});
}

}  // namespace

nft::Ruleset workedExample() {
  nft::Ruleset table;
  table.counters = {"deny-in-shop"};
  addSets(table);
  addChains(table);
  return table;
}

const std::string_view kWorkedExampleText = R"(table inet kpol {
	counter deny-in-shop {
		packets 0 bytes 0
	}

	set blocks {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.168.1.3-192.168.1.9,
			     192.168.2.2 }
	}

	set endpoints {
		type ifname . ipv4_addr
		size 128
		comment "local pods"
		elements = { "kpol0123456789a" . 10.244.1.2 }
	}

	map ingress {
		type ipv4_addr : verdict
		size 128
		elements = { 10.244.1.2 : goto in-shop }
	}

	map ports {
		type inet_proto . inet_service : verdict
		size 128
		elements = { tcp . 80 : goto in-shop-80 }
	}

	chain forward {
		type filter hook forward priority filter - 5; policy accept;
		ct label 127 drop
		ct state established,related accept
		iifname "kpol*" iifname . ip saddr != @endpoints drop
		ip daddr vmap @ingress
		icmpv6 type 133-137 accept
	}

	chain in-shop {
		meta l4proto . th dport vmap @ports
		counter name "deny-in-shop" drop
	}

	chain in-shop-80 {
		ip saddr @blocks accept comment "shop/allow-web"
		log prefix "kpol " group 5 drop
	}

	chain revoke {
		ct label set 127
	}
}
)";

}  // namespace kpol::test
