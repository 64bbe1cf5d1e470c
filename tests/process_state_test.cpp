// The state of other processes, seen without their help.
#include "coupler/base/process_state.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coupler/base/node_clock.hpp"

namespace ekman {
namespace {

// A child that tells who it is, then waits for signals.
class Child {
 public:
  Child() {
    int ends[2];
    if (pipe(ends) != 0) return;
    number_ = fork();
    if (number_ == 0) {
      const ProcessId me = this_process();
      if (write(ends[1], &me, sizeof me) != sizeof me) _exit(1);
      while (true) pause();
    }
    told_ = read(ends[0], &id_, sizeof id_) == sizeof id_;
    close(ends[0]);
    close(ends[1]);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  bool told() const { return told_; }
  const ProcessId& id() const { return id_; }
  void signal_and_await(int signal, int options) {
    kill(number_, signal);
    waitpid(number_, nullptr, options);
  }
  void end() {
    if (number_ <= 0) return;
    signal_and_await(SIGKILL, 0);
    number_ = 0;
  }

 private:
  pid_t number_ = 0;
  bool told_ = false;
  ProcessId id_;
};

TEST(ProcessState, SeesThatAProcessRuns) {
  const Child child;

  ASSERT_TRUE(child.told());
  EXPECT_EQ(state_of(child.id()), ProcessState::running);
  EXPECT_EQ(state_of(this_process()), ProcessState::running);
}

TEST(ProcessState, SeesThatAProcessIsStoppedAndGoesOn) {
  Child child;
  ASSERT_TRUE(child.told());

  child.signal_and_await(SIGSTOP, WUNTRACED);
  EXPECT_EQ(state_of(child.id()), ProcessState::stopped);
  child.signal_and_await(SIGCONT, WCONTINUED);
  EXPECT_EQ(state_of(child.id()), ProcessState::running);
}

TEST(ProcessState, SeesThatAProcessIsDead) {
  Child child;
  ASSERT_TRUE(child.told());

  child.end();

  EXPECT_EQ(state_of(child.id()), ProcessState::dead);
}

TEST(ProcessState, TakesALaterProcessWithTheSameNumberForADeadOne) {
  ProcessId process = this_process();

  ++process.start;

  EXPECT_EQ(state_of(process), ProcessState::dead);
}

TEST(ProcessState, IsUnknownInAnotherSpaceOfNumbers) {
  ProcessId process = this_process();

  ++process.space;

  EXPECT_EQ(state_of(process), ProcessState::unknown);
  EXPECT_EQ(state_of(ProcessId{}), ProcessState::unknown);
}

TEST(NodeClock, GivesTheTimeOfDay) {
  const std::string text = time_of_day(node_milliseconds());

  ASSERT_EQ(text.size(), 8u);
  EXPECT_EQ(text[2], ':');
  EXPECT_EQ(text[5], ':');
}

}  // namespace
}  // namespace ekman
