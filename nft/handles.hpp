// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/error.hpp"
#include "netlink/parse.hpp"

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netlink.h>

#include <cerrno>
#include <memory>
#include <new>

// Private to nft/: owning pointers to libnftnl objects, and conversion of its errors to exceptions.
namespace kpol::nft {

template <auto Fn>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Fn(object);
  }
};

using TablePtr = std::unique_ptr<nftnl_table, FreeWith<nftnl_table_free>>;
using ChainPtr = std::unique_ptr<nftnl_chain, FreeWith<nftnl_chain_free>>;
using RulePtr = std::unique_ptr<nftnl_rule, FreeWith<nftnl_rule_free>>;
using ExprPtr = std::unique_ptr<nftnl_expr, FreeWith<nftnl_expr_free>>;
using SetPtr = std::unique_ptr<nftnl_set, FreeWith<nftnl_set_free>>;
using ObjectPtr = std::unique_ptr<nftnl_obj, FreeWith<nftnl_obj_free>>;
using UserdataPtr = std::unique_ptr<nftnl_udata_buf, FreeWith<nftnl_udata_buf_free>>;
using ExprIteratorPtr = std::unique_ptr<nftnl_expr_iter, FreeWith<nftnl_expr_iter_destroy>>;

// libnftnl's allocations and setters fail only if there is no memory.
template <class Ptr>
Ptr allocated(typename Ptr::pointer object) {
  if (object == nullptr) throw std::bad_alloc();
  return Ptr(object);
}

inline void check(int setterResult) {
  if (setterResult != 0) throw std::bad_alloc();
}

// libnftnl parses whole messages. A view's payload follows its header in the datagram.
inline const nlmsghdr* headerOf(const netlink::MessageView& message) {
  return reinterpret_cast<const nlmsghdr*>(message.payload.data() - NLMSG_HDRLEN);
}

// Parses `message` into a libnftnl object with one of the nftnl_*_nlmsg_parse functions.
template <class Object>
void parse(int (*parser)(const nlmsghdr*, Object*), const netlink::MessageView& message,
           Object* into) {
  if (parser(headerOf(message), into) != 0)
    throw netlink::Error("parse a message of nf_tables", EBADMSG);
}

}  // namespace kpol::nft
