// Implements simulate.hpp.
#include "coupler/command/simulate.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "ekman/error.hpp"

namespace ekman {

void simulate(const std::vector<std::string>& arguments) {
  std::error_code unknown;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", unknown).parent_path();
  const std::string program = (folder / EKMAN_LIBEXEC_FROM_PROGRAM / "ekman/ekman-simulated").lexically_normal();
  if (!std::filesystem::exists(program)) {
    throw Error(ErrorCode::usage,
                fmt::format("ekman simulate needs {}, which is not there: Ekman was built without SimGrid; install it "
                            "(Debian: libsimgrid-dev) and build Ekman anew",
                            program));
  }
  std::string name = "ekman simulate";
  std::vector<char*> words{name.data()};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(program.c_str(), words.data());
  throw Error(ErrorCode::usage,
              fmt::format("{} cannot be started: {}; install Ekman anew", program, std::strerror(errno)));
}

}  // namespace ekman
