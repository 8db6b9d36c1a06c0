// SPDX-License-Identifier: Apache-2.0
#include "plugin/rollback.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kpol::plugin {
namespace {

TEST(Rollback, UndoesInReverse) {
  std::string undone;
  {
    Rollback rollback;
    for (const char step : {'a', 'b', 'c'})
      rollback.add(std::string(1, step), [&undone, step] { undone += step; });
  }
  EXPECT_EQ(undone, "cba");
}

TEST(Rollback, UndoesNothingAfterDismiss) {
  std::string undone;
  {
    Rollback rollback;
    rollback.add("a", [&] { undone += 'a'; });
    rollback.dismiss();
  }
  EXPECT_EQ(undone, "");
}

TEST(Rollback, ContinuesIfAStepCannotBeUndone) {
  std::string undone;
  testing::internal::CaptureStderr();
  {
    Rollback rollback;
    rollback.add("assign addresses", [&] { undone += 'a'; });
    rollback.add("create interface x", [] { throw std::runtime_error("no such device"); });
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "kpol: cannot undo: create interface x: no such device\n");
  EXPECT_EQ(undone, "a");
}

}  // namespace
}  // namespace kpol::plugin
