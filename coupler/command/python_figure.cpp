// Implements python_figure.hpp.
#include "coupler/command/python_figure.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace ekman {

namespace {

namespace fs = std::filesystem;

// What a script ends with where matplotlib is missing.
constexpr int k_no_matplotlib = 3;

// Beside the installed program, or in the source tree of one that is not.
std::string find_script(const std::string& script) {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const fs::path installed = program.parent_path() / EKMAN_DATA_FROM_PROGRAM / "ekman/matplotlib" / script;
  return fs::exists(installed) ? installed.string() : std::string(EKMAN_FIGURES) + "/" + script;
}

}  // namespace

std::string draw_by_python(const std::string& script, const std::vector<std::string>& arguments,
                           const std::string& by_hand) {
  const char* const named = std::getenv("EKMAN_PYTHON");
  const std::string python = named == nullptr ? "python3" : named;
  std::vector<std::string> words{python, find_script(script)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> addresses;
  for (std::string& word : words) addresses.push_back(word.data());
  addresses.push_back(nullptr);
  pid_t child = 0;
  const int code = posix_spawnp(&child, python.c_str(), nullptr, nullptr, addresses.data(), environ);
  if (code != 0)
    return fmt::format("no figure: {} cannot be started ({}); name a Python that has matplotlib in EKMAN_PYTHON",
                       python, std::strerror(code));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  if (WIFEXITED(status) && WEXITSTATUS(status) == k_no_matplotlib)
    return fmt::format("no figure: {} has no matplotlib; install it, or name another Python in EKMAN_PYTHON", python);
  return fmt::format("no figure: {} of {} failed; its own message is above, and {} can be drawn by hand", words[1],
                     python, by_hand);
}

}  // namespace ekman
