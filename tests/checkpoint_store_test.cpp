// Checkpoints in a directory: the last whole one is found whatever happened, and no disk loses what was there.
#include "adapters/torch/checkpoint_store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

#include "checkpoint_learner.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::string message_of(const std::function<void()>& call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "no error";
}

class CheckpointStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    spec_.name = "convection";
    spec_.training.given = true;
    spec_.training.checkpoint = {(folder_ / "checkpoints").string(), 1, 3};
    spec_.training.resume = "latest";
  }
  void TearDown() override {
    unmount();
    fs::remove_all(folder_);
  }

  const fs::path directory() const { return spec_.training.checkpoint.directory; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory()))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  // A tmpfs of that size as the directory; false where mounting is not allowed.
  bool mount_disk(const char* options) {
    fs::create_directories(directory());
    mounted_ = ::mount("none", directory().c_str(), "tmpfs", 0, options) == 0;
    return mounted_;
  }
  void unmount() {
    if (mounted_) ::umount(directory().c_str());
    mounted_ = false;
  }

  fs::path folder_ = fs::temp_directory_path() / ("ekman_checkpoint_store_" + std::to_string(::getpid()));
  NetworkSpec spec_;
  bool mounted_ = false;
};

void write(CheckpointStore& store, StillLearner& learner, std::int64_t step) {
  learner.go_to(step);
  store.write(copy_of(learner));
}

// The words of the script that belongs to it.
std::string script_of(const Checkpoint& checkpoint) {
  std::ifstream file(script_beside(checkpoint));
  std::string words;
  std::getline(file, words);
  return words.substr(0, words.find('.'));
}

TEST_F(CheckpointStoreTest, KeepsTheLastOnesAndFindsTheLatest) {
  EXPECT_FALSE(find_resume(spec_, ".").has_value());
  StillLearner learner(4, /*script=*/true);
  const auto store = make_checkpoint_store(spec_, ".", 0);
  for (const std::int64_t step : {5, 10, 90, 100, 123456789}) write(*store, learner, step);

  EXPECT_THAT(files(), ElementsAre("convection-00000090.pt", "convection-00000090.safetensors",
                                   "convection-00000100.pt", "convection-00000100.safetensors",
                                   "convection-123456789.pt", "convection-123456789.safetensors"));
  EXPECT_EQ(find_resume(spec_, ".")->step, 123456789);
  spec_.training.resume = (directory() / "convection-00000090.safetensors").string();
  EXPECT_EQ(find_resume(spec_, ".")->step, 90);
  spec_.training.resume = "";
  EXPECT_FALSE(find_resume(spec_, ".").has_value());
}

TEST_F(CheckpointStoreTest, LiesBelowTheOutputDirectory) {
  spec_.training.checkpoint.directory = "checkpoints";
  StillLearner learner(4);
  write(*make_checkpoint_store(spec_, folder_.string(), 0), learner, 10);

  EXPECT_TRUE(fs::exists(folder_ / "checkpoints/convection-00000010.safetensors"));
  EXPECT_EQ(find_resume(spec_, folder_.string())->step, 10);
}

TEST_F(CheckpointStoreTest, KeepsTheBestApart) {
  StillLearner learner(4, /*script=*/true);
  const auto store = make_checkpoint_store(spec_, ".", 0);
  write(*store, learner, 1);
  store->write_best(copy_of(learner));
  for (const std::int64_t step : {2, 3, 4, 5}) write(*store, learner, step);

  spec_.training.resume = "best";
  EXPECT_EQ(find_resume(spec_, ".")->step, 1);
  EXPECT_TRUE(fs::exists(directory() / "convection-best.pt"));
  EXPECT_EQ(files().size(), 8u);
}

TEST_F(CheckpointStoreTest, LeavesAloneWhatIsNotItsOwn) {
  NetworkSpec other = spec_;
  other.name = "convection-deep/a";
  StillLearner learner(4);
  const auto store = make_checkpoint_store(spec_, ".", 0), others = make_checkpoint_store(other, ".", 0);
  write(*others, learner, 7);
  const std::vector<std::string> foreign{"convection-00000001.safetensors.bak", "convection-x.pt.partial", "notes.txt"};
  for (const std::string& name : foreign) std::ofstream(directory() / name) << "mine";
  for (const std::string name : {"convection-00000001.safetensors.partial", "convection-best.pt.partial"})
    std::ofstream(directory() / name) << "left by a killed run";

  const auto again = make_checkpoint_store(spec_, ".", 0);
  for (const std::int64_t step : {1, 2, 3, 4, 5}) write(*again, learner, step);

  EXPECT_THAT(files(), ElementsAre("convection-00000001.safetensors.bak", "convection-00000003.safetensors",
                                   "convection-00000004.safetensors", "convection-00000005.safetensors",
                                   "convection-deep%2Fa-00000007.safetensors", "convection-x.pt.partial", "notes.txt"));
  EXPECT_EQ(find_resume(other, ".")->step, 7);
}

TEST_F(CheckpointStoreTest, HealsWhatWasKilledBetweenTwoNames) {
  StillLearner learner(4, /*script=*/true);
  const auto store = make_checkpoint_store(spec_, ".", 0);
  write(*store, learner, 1);
  store->write_best(copy_of(learner));
  const auto path = [&](const char* name) { return directory() / name; };
  fs::copy_file(path("convection-best.pt"), path("older.pt"));
  write(*store, learner, 2);
  store->write_best(copy_of(learner));
  // The state after the first renaming: the .pt files still have their names of before, or none.
  fs::rename(path("convection-00000002.pt"), path("convection-00000002.pt.partial"));
  fs::rename(path("convection-best.pt"), path("convection-best.pt.partial"));
  fs::rename(path("older.pt"), path("convection-best.pt"));
  // And before it.
  std::ofstream(path("convection-00000001.pt.partial")) << "half a script";
  std::ofstream(path("convection-00000003.pt.partial")) << "half a script";
  spec_.training.resume = "best";
  EXPECT_EQ(script_of(find_resume(spec_, ".").value()), "script of step 2") << "found before it is healed";

  make_checkpoint_store(spec_, ".", 2);

  EXPECT_THAT(files(),
              ElementsAre("convection-00000001.pt", "convection-00000001.safetensors", "convection-00000002.pt",
                          "convection-00000002.safetensors", "convection-best.pt", "convection-best.safetensors"));
  for (const char* name : {"convection-00000001", "convection-00000002", "convection-best"}) {
    const Checkpoint one = read_checkpoint_file((directory() / name).string() + ".safetensors");
    EXPECT_EQ(script_beside(one), (directory() / name).string() + ".pt");
    EXPECT_EQ(script_of(one), "script of step " + std::to_string(one.step));
  }
  fs::copy_file(path("convection-00000001.pt"), path("convection-best.pt"), fs::copy_options::overwrite_existing);
  EXPECT_EQ(script_beside(find_resume(spec_, ".").value()), "") << "of another step";
}

TEST_F(CheckpointStoreTest, RefusesToLearnBesideLaterSteps) {
  StillLearner learner(4);
  write(*make_checkpoint_store(spec_, ".", 0), learner, 10);

  EXPECT_THAT(message_of([&] { make_checkpoint_store(spec_, ".", 9); }, ErrorCode::plan),
              HasSubstr("would learn from step 9 on, but " + directory().string() +
                        " has a checkpoint of step 10; write "
                        "`resume: latest` to go on from there, or `resume: best` or a file"));
  write(*make_checkpoint_store(spec_, ".", 10), learner, 10);
  EXPECT_EQ(files().size(), 1u);
}

TEST_F(CheckpointStoreTest, PutsLaterStepsAsideAndLosesNone) {
  StillLearner learner(4, /*script=*/true);
  const auto learn_on = [&](std::int64_t from) {
    const auto store = make_checkpoint_store(spec_, ".", from, LaterSteps::put_aside);
    for (const std::int64_t step : {10, 20}) {
      if (step > from) write(*store, learner, step);
    }
    if (from < 20) store->write_best(copy_of(learner));
  };
  learn_on(0);
  learn_on(10);
  learn_on(20);
  EXPECT_EQ(find_resume(spec_, ".")->step, 20);
  learn_on(10);
  learn_on(0);

  std::vector<std::string> expected;
  for (const std::string name : {"00000010", "00000020", "best"}) {
    for (const std::string word : {"", ".old", ".old2", ".old3"}) {
      if (name == "00000010" && (word == ".old" || word == ".old2")) continue;
      for (const std::string ending : {".pt", ".safetensors"}) expected.push_back("convection-" + name + word + ending);
    }
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(files(), expected);
  spec_.training.resume = (directory() / "convection-best.old2.safetensors").string();
  EXPECT_EQ(find_resume(spec_, ".")->step, 20);
  const auto store = make_checkpoint_store(spec_, ".", 20);
  for (const std::int64_t step : {21, 22, 23, 24}) write(*store, learner, step);
  for (const std::string& name : expected) {
    const bool aside = name.find(".old") != std::string::npos;
    EXPECT_TRUE(!aside || fs::exists(directory() / name)) << name;
  }
}

TEST_F(CheckpointStoreTest, NamesALatestThatIsDamaged) {
  StillLearner learner(4);
  write(*make_checkpoint_store(spec_, ".", 0), learner, 10);
  const fs::path path = directory() / "convection-00000010.safetensors";
  fs::resize_file(path, fs::file_size(path) - 1);

  EXPECT_THAT(message_of([&] { find_resume(spec_, "."); }, ErrorCode::network),
              HasSubstr("checkpoint " + path.string() + " cannot be read"));
  spec_.training.checkpoint.directory = "";
  EXPECT_THAT(message_of([&] { find_resume(spec_, "."); }, ErrorCode::plan), HasSubstr("has no checkpoint.directory"));
}

// Writes checkpoints from `step` on until it is killed, and says through `pipe` which one it begins and has finished.
[[noreturn]] void write_until_killed(const NetworkSpec& spec, std::int64_t step, int pipe) {
  StillLearner learner(200000, /*script=*/true);
  const auto store = make_checkpoint_store(spec, ".", step);
  const auto say = [&](std::int64_t number) {
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(2);
  };
  for (;;) {
    ++step;
    say(-step);
    write(*store, learner, step);
    if (step % 2 == 0) store->write_best(copy_of(learner));
    say(step);
  }
}

struct Killed {
  std::int64_t begun = 0;
  std::int64_t finished = 0;
};

// Starts such a process and kills it `delay` after it has begun its second checkpoint.
Killed write_and_kill(const NetworkSpec& spec, std::int64_t step, std::chrono::microseconds delay) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) write_until_killed(spec, step, ends[1]);
  ::close(ends[1]);
  Killed killed{step, step};
  const auto hear = [&] {
    std::int64_t number = 0;
    if (::read(ends[0], &number, sizeof number) != sizeof number) return false;
    (number < 0 ? killed.begun : killed.finished) = std::abs(number);
    return true;
  };
  while (killed.begun < step + 2 && hear()) continue;
  const auto moment = std::chrono::steady_clock::now() + delay;
  while (std::chrono::steady_clock::now() < moment) continue;
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  while (hear()) continue;
  ::close(ends[0]);
  return killed;
}

TEST_F(CheckpointStoreTest, KilledAtAnyMomentTheLastWholeOneLoads) {
  constexpr int k_kills = 60;
  StillLearner learner(200000, /*script=*/true);
  const auto start = std::chrono::steady_clock::now();
  write(*make_checkpoint_store(spec_, ".", 0), learner, 1);
  const auto one = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  std::mt19937_64 generator(11);
  std::int64_t step = 1;
  int unfinished = 0;
  for (int kill = 0; kill < k_kills; ++kill) {
    const Killed killed = write_and_kill(spec_, step, one * static_cast<int>(generator() % 300) / 100);
    const std::vector<std::string> left = files();
    if (std::any_of(left.begin(), left.end(),
                    [](const auto& name) { return fs::path(name).extension() == ".partial"; }))
      ++unfinished;

    const Checkpoint latest = find_resume(spec_, ".").value();

    EXPECT_GE(latest.step, killed.finished) << "kill " << kill;
    EXPECT_LE(latest.step, killed.begun) << "kill " << kill;
    const LearnedState expected = StillLearner::state_of(latest.step, 200000);
    for (const NamedArray& array : expected.arrays) EXPECT_THAT(latest.state.arrays, testing::Contains(array));
    EXPECT_EQ(script_of(latest), "script of step " + std::to_string(latest.step)) << "kill " << kill;
    NetworkSpec best = spec_;
    best.training.resume = "best";
    const Checkpoint best_one = find_resume(best, ".").value();
    EXPECT_EQ(best_one.step % 2, 0);
    EXPECT_EQ(script_of(best_one), "script of step " + std::to_string(best_one.step)) << "kill " << kill;
    make_checkpoint_store(spec_, ".", latest.step);
    EXPECT_EQ(script_beside(latest), fs::path(latest.path).replace_extension(".pt").string());
    EXPECT_EQ(script_beside(best_one), fs::path(best_one.path).replace_extension(".pt").string());
    for (const std::string& name : files()) EXPECT_NE(fs::path(name).extension(), ".partial") << name;
    step = latest.step;
  }
  std::printf("%d of %d kills left an unfinished file; the last step is %ld\n", unfinished, k_kills, (long)step);
  EXPECT_GT(unfinished, 0) << "no kill came in the middle";
}

TEST_F(CheckpointStoreTest, SaysWhyItCannotWriteThere) {
  std::ofstream(folder_ / "file") << "no directory";
  spec_.training.checkpoint.directory = (folder_ / "file/checkpoints").string();
  EXPECT_THAT(message_of([&] { make_checkpoint_store(spec_, ".", 0); }, ErrorCode::internal),
              HasSubstr(directory().string() + ": Not a directory; see that it is in a directory"));
  spec_.training.checkpoint.directory = (folder_ / "file").string();
  EXPECT_THAT(message_of([&] { make_checkpoint_store(spec_, ".", 0); }, ErrorCode::internal),
              HasSubstr(directory().string() + ": Not a directory"));
}

TEST_F(CheckpointStoreTest, SaysThatItsDiskIsReadOnly) {
  if (!mount_disk("ro")) GTEST_SKIP() << "mounting is not allowed here: a read-only disk was NOT tested";
  const std::string message = message_of([&] { make_checkpoint_store(spec_, ".", 0); }, ErrorCode::internal);
  unmount();
  EXPECT_THAT(message, HasSubstr(": Read-only file system; give the ranks leave to write there"));
}

TEST_F(CheckpointStoreTest, SaysThatTheDiskIsFullAndLosesNothing) {
  if (!mount_disk("size=256k")) GTEST_SKIP() << "mounting is not allowed here: a full disk was NOT tested";
  spec_.training.checkpoint.keep = 100;
  StillLearner small(5000), large(40000), script(25000, /*script=*/true), scripts(300000, /*script=*/true);
  const auto store = make_checkpoint_store(spec_, ".", 0);
  write(*store, small, 1);
  write(*store, small, 2);
  const std::vector<std::string> before = files();
  const auto write_too_much = [&](StillLearner& learner) {
    return message_of([&] { write(*store, learner, 3); }, ErrorCode::internal);
  };

  EXPECT_THAT(write_too_much(large),
              HasSubstr("convection-00000003.safetensors.partial: No space left on device; make"));
  EXPECT_THAT(write_too_much(script), HasSubstr("No space left on device; make room"));
  EXPECT_THAT(write_too_much(scripts), HasSubstr("convection-00000003.pt.partial: No space left on device"));

  EXPECT_EQ(files(), before);
  EXPECT_EQ(find_resume(spec_, ".")->step, 2);
  fs::remove(directory() / "convection-00000001.safetensors");
  write(*store, small, 3);
  EXPECT_EQ(find_resume(spec_, ".")->step, 3);
  unmount();
}

}  // namespace
}  // namespace ekman
