// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace kpol::test {

struct ProcessResult {
  int status = 0;  // exit code, or 128 + signal
  std::string out;
  std::string err;
};

using Environment = std::map<std::string, std::string>;

// Runs argv[0] (a path, or a name on PATH) to its end, at most 60 s, then it is killed. `extra`
// is added to this process's environment.
ProcessResult run(const std::vector<std::string>& argv, const std::string& input = {},
                  const Environment& extra = {});

// A process in the background, its output in a file. Killed on destruction if it still runs.
class Background {
 public:
  Background(const std::vector<std::string>& argv, const std::string& outputFile,
             const Environment& extra = {});
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;
  int wait();  // exit code, or 128 + signal; after 20 s it is killed first

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

}  // namespace kpol::test
