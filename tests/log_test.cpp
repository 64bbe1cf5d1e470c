// What a rank writes before it ends the job.
#include "coupler/base/log.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace ekman {
namespace {

// A process whose standard error is a pipe: writes a line, awaits the reader, and ends.
class Writer {
 public:
  Writer() {
    EXPECT_EQ(pipe(ends_), 0);
    child_ = fork();
    if (child_ != 0) return;
    dup2(ends_[1], STDERR_FILENO);
    log_line("the last words");
    await_reader();
    _exit(0);
  }
  ~Writer() {
    close(ends_[0]);
    close(ends_[1]);
  }

  void await_words() const {
    pollfd words{ends_[0], POLLIN, 0};
    EXPECT_EQ(poll(&words, 1, -1), 1);
  }
  bool has_ended() const { return waitpid(child_, nullptr, WNOHANG) == child_; }
  std::string read_words() const {
    char words[100];
    return {words, static_cast<std::size_t>(read(ends_[0], words, sizeof words))};
  }
  int status() const {
    int status = -1;
    waitpid(child_, &status, 0);
    return status;
  }

 private:
  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

TEST(AwaitReader, EndsWhenTheLineHasBeenRead) {
  const Writer writer;
  writer.await_words();

  EXPECT_FALSE(writer.has_ended());
  EXPECT_EQ(writer.read_words(), "ekman: the last words\n");
  EXPECT_EQ(writer.status(), 0);
}

TEST(AwaitReader, EndsThoughNobodyReads) {
  const Writer writer;

  EXPECT_EQ(writer.status(), 0);
  EXPECT_EQ(writer.read_words(), "ekman: the last words\n");
}

}  // namespace
}  // namespace ekman
