// Implements checkpoint_store.hpp. A checkpoint is there once its .safetensors file has its name; all of it is on the
// disk by then. The .pt file gets its name after that: killed in between, the next store gives it, and until then
// script_beside() finds it. So no .pt is there without its .safetensors, which goes last too.
#include "adapters/torch/checkpoint_store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <vector>

#include "coupler/base/durable_file.hpp"
#include "coupler/base/file_name.hpp"
#include "coupler/base/log.hpp"
#include "coupler/base/sha256.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

constexpr const char* k_weights = ".safetensors";

class Names {
 public:
  Names(const NetworkSpec& spec, const std::string& output_directory)
      : folder_(fs::path(output_directory) / spec.training.checkpoint.directory), prefix_(file_name(spec.name) + "-") {}

  const fs::path& folder() const { return folder_; }
  // Without its ending.
  std::string of_step(std::int64_t step) const { return (folder_ / fmt::format("{}{:08}", prefix_, step)).string(); }
  std::string of_best() const { return (folder_ / (prefix_ + "best")).string(); }

  // Steps that have a checkpoint, in ascending order. A folder that is not there has none.
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> steps;
    for (const std::string& name : files())
      if (const std::int64_t step = step_of(name, k_weights); step >= 0) steps.push_back(step);
    std::sort(steps.begin(), steps.end());
    return steps;
  }

  // Files that a killed run left unfinished.
  std::vector<fs::path> leftovers() const {
    std::vector<fs::path> found;
    for (const std::string& name : files()) {
      for (const char* ending : {k_weights, k_script}) {
        const std::string partial = std::string(ending) + k_partial;
        if (step_of(name, partial) >= 0 || name == prefix_ + "best" + partial) found.push_back(folder_ / name);
      }
    }
    return found;
  }

 private:
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
      names.push_back(entry->path().filename().string());
    if (error && error != std::errc::no_such_file_or_directory)
      throw_disk_error("list", folder_.string(), error.value());
    return names;
  }

  // -1: not a file of this network with that ending.
  std::int64_t step_of(const std::string& name, const std::string& ending) const {
    if (name.size() < prefix_.size() + 8 + ending.size() || name.compare(0, prefix_.size(), prefix_) != 0) return -1;
    std::int64_t step = 0;
    const char* const end = name.data() + name.size() - ending.size();
    const auto read = std::from_chars(name.data() + prefix_.size(), end, step);
    const bool ours = read.ec == std::errc() && read.ptr == end &&
                      name.compare(name.size() - ending.size(), ending.size(), ending) == 0;
    return ours ? step : -1;
  }

  fs::path folder_;
  std::string prefix_;
};

class FolderOfCheckpoints final : public CheckpointStore {
 public:
  FolderOfCheckpoints(const NetworkSpec& spec, const std::string& output_directory, std::int64_t step, LaterSteps later)
      : names_(spec, output_directory), keep_(spec.training.checkpoint.keep) {
    if (later == LaterSteps::refuse) refuse_later_steps(spec, step);
    std::error_code error;
    fs::create_directories(names_.folder(), error);
    if (error) throw_disk_error("make the directory", names_.folder().string(), error.value());
    if (::access(names_.folder().c_str(), W_OK | X_OK) != 0)
      throw_disk_error("write to", names_.folder().string(), errno);
    for (const fs::path& leftover : names_.leftovers()) finish_or_remove(leftover);
    if (later == LaterSteps::put_aside) put_aside(spec, step);
    for (const std::int64_t other : names_.steps()) {
      if (other > step) remove_step(other);
    }
  }

  void write(LearnedCopy copy) override {
    write_as(names_.of_step(copy.step), copy);
    const std::vector<std::int64_t> steps = names_.steps();
    for (std::size_t i = 0; i + static_cast<std::size_t>(keep_) < steps.size(); ++i) {
      remove_step(steps[i]);
    }
  }

  void write_best(LearnedCopy copy) override { write_as(names_.of_best(), copy); }

 private:
  void refuse_later_steps(const NetworkSpec& spec, std::int64_t step) const {
    const std::vector<std::int64_t> steps = names_.steps();
    if (steps.empty() || steps.back() <= step) return;
    throw Error(ErrorCode::plan,
                fmt::format("network \"{}\" would learn from step {} on, but {} has a checkpoint of step {}; write "
                            "`resume: latest` to go on from there, or `resume: best` or a file to go on from that and "
                            "put later ones aside, or move them away, or name another directory",
                            spec.name, step, names_.folder().string(), steps.back()));
  }

  void put_aside(const NetworkSpec& spec, std::int64_t step) const {
    std::vector<std::string> later;  // without their endings
    for (const std::int64_t other : names_.steps()) {
      if (other > step) later.push_back(names_.of_step(other));
    }
    if (best_is_later(step)) later.push_back(names_.of_best());
    if (later.empty()) return;
    const std::string word = free_word(later);
    for (const std::string& name : later) {
      for (const char* ending : {k_script, k_weights}) {
        if (fs::exists(name + ending)) rename_path(name + ending, name + word + ending);
      }
    }
    sync_path(names_.folder().string());
    log_line(fmt::format("network \"{}\" learns from step {} on: {} of later steps in {} put aside as *{}{}", spec.name,
                         step, later.size() == 1 ? "a checkpoint" : fmt::format("{} checkpoints", later.size()),
                         names_.folder().string(), word, k_weights));
  }

  // One that cannot be read is nobody's.
  bool best_is_later(std::int64_t step) const {
    try {
      return read_checkpoint_file(names_.of_best() + k_weights).step > step;
    } catch (const Error&) {
      return false;
    }
  }

  // ".old", or the first of ".old2", ".old3" ... that none of `names` has taken.
  static std::string free_word(const std::vector<std::string>& names) {
    std::string word = ".old";
    const auto taken = [&](const std::string& name) {
      return fs::exists(name + word + k_weights) || fs::exists(name + word + k_script);
    };
    for (int number = 2; std::any_of(names.begin(), names.end(), taken); ++number) word = fmt::format(".old{}", number);
    return word;
  }

  static void write_as(const std::string& name, const LearnedCopy& copy) {
    const std::string weights = name + k_weights, script = name + k_script;
    const bool with_script = !copy.script.empty();
    bool is_there = false;
    try {
      std::string sum;
      if (with_script) {
        write_durably(script + k_partial, {{copy.script.data(), copy.script.size()}});
        sum = sum_of(copy.script);
      }
      write_checkpoint_file(weights + k_partial, copy.state, copy.step, sum);
      rename_path(weights + k_partial, weights);
      is_there = true;
      const std::string folder = fs::path(name).parent_path().string();
      sync_path(folder);
      if (!with_script) return;
      rename_path(script + k_partial, script);
      sync_path(folder);
    } catch (...) {
      // Room for others; the next run would remove them too.
      if (is_there) throw;
      for (const std::string& partial : {weights + k_partial, script + k_partial}) ::unlink(partial.c_str());
      throw;
    }
  }

  static std::string sum_of(const std::string& bytes) {
    Sha256 sum;
    sum.add(bytes.data(), bytes.size());
    return sum.digits();
  }

  // A script whose checkpoint is there gets its name.
  static void finish_or_remove(const fs::path& leftover) {
    fs::path whole = leftover;
    whole.replace_extension();  // without .partial
    fs::path weights = whole;
    weights.replace_extension(k_weights);
    try {
      if (whole.extension() == k_script && fs::exists(weights) &&
          script_beside(read_checkpoint_file(weights.string())) == leftover.string())
        return rename_path(leftover.string(), whole.string());
    } catch (const Error&) {
      // Then it belongs to nothing that could be read.
    }
    remove(leftover);
  }

  void remove_step(std::int64_t step) const {
    remove(names_.of_step(step) + k_script);
    remove(names_.of_step(step) + k_weights);
  }

  static void remove(const fs::path& file) {
    std::error_code error;
    fs::remove(file, error);
    if (error) throw_disk_error("remove", file.string(), error.value());
  }

  Names names_;
  std::int64_t keep_;
};

}  // namespace

std::unique_ptr<CheckpointStore> make_checkpoint_store(const NetworkSpec& spec, const std::string& output_directory,
                                                       std::int64_t step, LaterSteps later) {
  return std::make_unique<FolderOfCheckpoints>(spec, output_directory, step, later);
}

std::optional<Checkpoint> find_resume(const NetworkSpec& spec, const std::string& output_directory) {
  const std::string& resume = spec.training.resume;
  if (resume.empty()) return std::nullopt;
  const bool latest = resume == "latest", best = resume == "best";
  if (!latest && !best) return read_checkpoint_file(resume);
  if (spec.training.checkpoint.directory.empty()) {
    throw Error(ErrorCode::plan, fmt::format("network \"{}\" asks for `resume: {}`, but has no checkpoint.directory to "
                                             "find it in; give one, or resume from a file",
                                             spec.name, resume));
  }
  const Names names(spec, output_directory);
  if (best) return read_checkpoint_file(names.of_best() + k_weights);
  const std::vector<std::int64_t> steps = names.steps();
  if (steps.empty()) return std::nullopt;
  return read_checkpoint_file(names.of_step(steps.back()) + k_weights);
}

}  // namespace ekman
