// LibTorch as the library of networks: the one name that libekman_torch exports.
#include "coupler/engine/network_library.hpp"

#include <cstring>

#include "adapters/torch/checkpoint_store.hpp"
#include "adapters/torch/house.hpp"
#include "adapters/torch/learning_check.hpp"
#include "adapters/torch/script_file.hpp"
#include "adapters/torch/torch_engine.hpp"
#include "coupler/base/version.hpp"

namespace ekman {
namespace {

class TorchLibrary final : public NetworkLibrary {
 public:
  std::unique_ptr<Engine> make_engine(const NetworkSpec& spec, const LearningRows& rows, const std::string& device,
                                      int threads) const override {
    return make_torch_engine(spec, rows.in, rows.out, rows.truth, device, threads);
  }
  NetworkSize open_network(const NetworkSpec& spec) const override { return ekman::open_network(spec); }
  std::vector<Problem> learning_problems(const NetworkSpec& spec,
                                         const std::optional<LearningRows>& rows) const override {
    return ekman::learning_problems(spec, rows);
  }
  std::unique_ptr<CheckpointStore> make_checkpoint_store(const NetworkSpec& spec, const std::string& output_directory,
                                                         std::int64_t step, LaterSteps later) const override {
    return ekman::make_checkpoint_store(spec, output_directory, step, later);
  }
  std::optional<Checkpoint> find_resume(const NetworkSpec& spec, const std::string& output_directory) const override {
    return ekman::find_resume(spec, output_directory);
  }
  std::vector<std::string> describe_script(const std::string& path) const override {
    return ekman::describe_script(path);
  }
  int gpu_count() const override { return ekman::gpu_count(); }
  std::string summary() const override { return libtorch_summary(); }
  std::vector<std::string> blas_warnings() const override { return ekman::blas_warnings(); }
};

}  // namespace
}  // namespace ekman

// Null if the caller is of another version: objects of C++ cross.
extern "C" const ekman::NetworkLibrary* ekman_torch_library(const char* version) {
  static const ekman::TorchLibrary library;
  return std::strcmp(version, ekman::build_version()) == 0 ? &library : nullptr;
}
