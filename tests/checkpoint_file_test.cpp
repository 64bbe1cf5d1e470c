// The file of a checkpoint: what is written comes back, Python reads it, and nothing else is taken for one.
#include "adapters/torch/checkpoint_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "checkpoint_learner.hpp"
#include "coupler/base/sha256.hpp"
#include "coupler/base/version.hpp"
#include "ekman/error.hpp"

namespace ekman {
namespace {

using testing::HasSubstr;

class CheckpointFile : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  // With a header of this JSON and a right checksum, so that only the header can be found at fault.
  void put(std::string header, const std::string& data) const {
    std::string length(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i));
    const std::string zeros(64, '0');
    const std::size_t at = header.find(zeros);
    if (at != std::string::npos) {
      const std::string all = length + header + data;
      Sha256 sum;
      sum.add(all.data(), all.size());
      header.replace(at, 64, sum.digits());
    }
    put(length + header + data);
  }
  static std::string header_with(const std::string& arrays) {
    return R"({"__metadata__":{"format":"ekman checkpoint 2","ekman":"0","step":"7","network":"{}","sha256":")" +
           std::string(64, '0') + "\"}" + arrays + "}";
  }
  std::string message() const {
    try {
      read_checkpoint_file(path_);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::network);
      EXPECT_THAT(error.what(), HasSubstr(path_));
      return error.what();
    }
    return "no error";
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ekman_checkpoint_file_" + std::to_string(::getpid()));
  std::string path_ = (folder_ / "net.safetensors").string();
};

TEST_F(CheckpointFile, GivesBackWhatWasWritten) {
  const LearnedState state = StillLearner::state_of(41, 5);
  write_checkpoint_file(path_, state, 41);

  const Checkpoint checkpoint = read_checkpoint_file(path_);

  EXPECT_EQ(checkpoint.path, path_);
  EXPECT_EQ(checkpoint.version, build_version());
  EXPECT_EQ(checkpoint.step, 41);
  EXPECT_EQ(checkpoint.state.network, state.network);
  ASSERT_EQ(checkpoint.state.arrays.size(), state.arrays.size());
  for (const NamedArray& array : state.arrays)
    EXPECT_THAT(checkpoint.state.arrays, testing::Contains(array)) << array.name;
}

TEST_F(CheckpointFile, OfEqualStatesHasEqualBytes) {
  write_checkpoint_file(path_, StillLearner::state_of(3, 5), 3);
  const std::string first = bytes();
  write_checkpoint_file(path_, StillLearner::state_of(3, 5), 3);
  EXPECT_EQ(bytes(), first);
}

TEST_F(CheckpointFile, CutAtEveryLengthIsRefused) {
  write_checkpoint_file(path_, StillLearner::state_of(41, 5), 41);
  const std::string whole = bytes();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    put(whole.substr(0, length));
    EXPECT_THAT(message(), HasSubstr("cannot be read")) << length << " bytes of " << whole.size();
  }
  put(whole + '\0');
  EXPECT_THAT(message(), HasSubstr("behind the last array"));
}

TEST_F(CheckpointFile, WithAnyByteChangedIsRefused) {
  write_checkpoint_file(path_, StillLearner::state_of(41, 5), 41);
  const std::string whole = bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char flip : {'\x01', '\x80'}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      put(changed);
      EXPECT_THAT(message(), HasSubstr("cannot be read")) << "byte " << at;
    }
  }
}

TEST_F(CheckpointFile, OfAnotherKindIsRefusedWithItsCause) {
  EXPECT_THAT(message(), HasSubstr("it does not exist"));
  put("");
  EXPECT_THAT(message(), HasSubstr("too short"));
  put("PK\x03\x04 and so on, as a TorchScript file");
  EXPECT_THAT(message(), HasSubstr("is a TorchScript file; name the .safetensors beside it"));
  put(std::string(4096, '\xff'));
  EXPECT_THAT(message(), HasSubstr("no file of safetensors layout"));
  put("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "abcd");
  EXPECT_THAT(message(), HasSubstr("no checkpoint of Ekman"));
  put("{\"__metadata__\":{\"format\":\"pt\"}}", "");
  EXPECT_THAT(message(), HasSubstr("a format that this Ekman does not know"));
  put("{not json}", "");
  EXPECT_THAT(message(), HasSubstr("no JSON"));
  put("{\"a\":" + std::string(1000000, '['), "");
  EXPECT_THAT(message(), HasSubstr("nested too deep"));
  path_ = folder_.string();
  EXPECT_THAT(message(), HasSubstr("it is not a file"));
}

TEST_F(CheckpointFile, WithAHeaderThatLiesIsRefusedWithItsCause) {
  const auto message_of = [&](const std::string& arrays) {
    put(header_with(arrays), "01234567");
    return message();
  };
  EXPECT_EQ(message_of(R"(,"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "no error");
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]})"),
              HasSubstr("outside of the data"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]})"), HasSubstr("outside of the data"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]})"), HasSubstr("no whole number"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})"), HasSubstr("no whole number"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]})"), HasSubstr("another size"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,8]})"),
              HasSubstr("larger than the data"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[0,18446744073709551615]})"),
              HasSubstr("outside of the data"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]})"), HasSubstr("does not write"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})"), HasSubstr("behind the last"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})"), HasSubstr("does not begin"));
  EXPECT_THAT(message_of(R"(,"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
                         R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
              HasSubstr("overlap"));
  EXPECT_THAT(message_of(R"(,"a":{"shape":[1],"data_offsets":[4,8]})"), HasSubstr("has no dtype"));
  EXPECT_THAT(message_of(R"(,"a":5)"), HasSubstr("has no dtype"));
}

// Read by tests/python_reads_checkpoint.py, which runs this test first.
TEST_F(CheckpointFile, IsWrittenForPython) {
  const char* path = std::getenv("EKMAN_CHECKPOINT_FOR_PYTHON");
  if (path == nullptr) GTEST_SKIP() << "runs as part of python_reads_checkpoint";
  write_checkpoint_file(path, StillLearner::state_of(41, 5), 41);
}

}  // namespace
}  // namespace ekman
