// Checkpoints in the background: learning waits for none but the one before, their order stays, and no error is lost.
#include "coupler/session/background_checkpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "ekman/error.hpp"
#include "tests/message_of.hpp"

namespace ekman {
namespace {

using testing::ElementsAre;

// What a store has done. It waits before each write until `gate` opens, and fails at step `bad`.
struct Diary {
  std::shared_future<void> gate;
  std::int64_t bad = -1;
  std::vector<std::string> words;
  std::thread::id thread;
};

class SlowStore final : public CheckpointStore {
 public:
  explicit SlowStore(Diary& diary) : diary_(diary) {}

  void write(LearnedCopy copy) override { work("step", copy); }
  void write_best(LearnedCopy copy) override { work("best", copy); }

 private:
  void work(const std::string& what, const LearnedCopy& copy) {
    if (diary_.gate.valid()) diary_.gate.wait();
    diary_.thread = std::this_thread::get_id();
    if (copy.step == diary_.bad) throw Error(ErrorCode::internal, "cannot write here: No space left; make room");
    diary_.words.push_back(what + " " + std::to_string(copy.step) + " " + copy.script);
  }

  Diary& diary_;
};

LearnedCopy copy_at(std::int64_t step) { return {step, {}, "of " + std::to_string(step)}; }

TEST(BackgroundCheckpoints, LetsLearningGoOnWhileOneIsWritten) {
  std::promise<void> opens;
  Diary diary;
  diary.gate = opens.get_future().share();
  BackgroundCheckpoints checkpoints(std::make_unique<SlowStore>(diary));

  checkpoints.write(copy_at(1));  // would hang if it waited
  checkpoints.check();
  opens.set_value();
  checkpoints.finish();

  EXPECT_THAT(diary.words, ElementsAre("step 1 of 1"));
  EXPECT_NE(diary.thread, std::this_thread::get_id());
}

TEST(BackgroundCheckpoints, WritesOneAfterTheOtherInTheOrderOfTheCalls) {
  std::promise<void> opens;
  Diary diary;
  diary.gate = opens.get_future().share();
  BackgroundCheckpoints checkpoints(std::make_unique<SlowStore>(diary));

  checkpoints.write_best(copy_at(1));
  std::thread opener([&] { opens.set_value(); });  // the next call waits for it
  for (std::int64_t step = 1; step <= 20; ++step) checkpoints.write(copy_at(step));
  checkpoints.finish();
  opener.join();

  ASSERT_EQ(diary.words.size(), 21u);
  EXPECT_EQ(diary.words.front(), "best 1 of 1");
  for (std::int64_t step = 1; step <= 20; ++step)
    EXPECT_EQ(diary.words[static_cast<std::size_t>(step)],
              "step " + std::to_string(step) + " of " + std::to_string(step));
}

TEST(BackgroundCheckpoints, TellsAnErrorOnceAtTheNextCallOrAtTheEnd) {
  const std::string said = "cannot write here: No space left; make room";
  Diary diary;
  diary.bad = 2;
  BackgroundCheckpoints checkpoints(std::make_unique<SlowStore>(diary));

  checkpoints.write(copy_at(2));
  EXPECT_EQ(message_of([&] { checkpoints.write(copy_at(3)); }), said);
  checkpoints.write(copy_at(2));
  EXPECT_EQ(message_of([&] { checkpoints.finish(); }), said);
  EXPECT_EQ(message_of([&] { checkpoints.finish(); }), "no error");
  checkpoints.write(copy_at(2));
  std::string seen = "no error";
  while (seen == "no error") seen = message_of([&] { checkpoints.check(); });  // each step of learning looks
  EXPECT_EQ(seen, said);
  EXPECT_TRUE(diary.words.empty());
}

TEST(BackgroundCheckpoints, IsNotGoneBeforeTheWriteIsOver) {
  std::promise<void> opens;
  Diary diary;
  diary.gate = opens.get_future().share();
  std::thread opener;
  {
    BackgroundCheckpoints checkpoints(std::make_unique<SlowStore>(diary));
    checkpoints.write(copy_at(1));
    opener = std::thread([&] { opens.set_value(); });
  }
  opener.join();

  EXPECT_THAT(diary.words, ElementsAre("step 1 of 1"));
}

}  // namespace
}  // namespace ekman
