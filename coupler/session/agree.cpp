// Implements agree.hpp.
#include "coupler/session/agree.hpp"

#include "coupler/base/log.hpp"

namespace ekman {

void agree(const Communicator& comm, ErrorCode code, const std::string& problem) {
  const int size = comm.size();
  const auto finder = static_cast<int>(comm.min(problem.empty() ? size : comm.rank()));
  if (finder == size) return;
  std::string sentence = problem;
  if (comm.rank() == finder) {
    log_line("error: " + sentence);
    await_reader();  // the others may end the job as soon as they know
  }
  comm.broadcast(sentence, finder);
  throw PrintedError(code, sentence);
}

}  // namespace ekman
