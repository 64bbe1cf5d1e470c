// Implements restart_store.hpp.
#include "adapters/hdf5/restart_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>

#include "adapters/hdf5/hdf5_handle.hpp"
#include "adapters/hdf5/restart_file.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/file_name.hpp"
#include "coupler/base/joined.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace fs = std::filesystem;

namespace {

// Runs `change`, a change in the file system; its failure becomes an Error with what was tried.
void change_files(const std::string& doing, const std::function<void(std::error_code&)>& change) {
  std::error_code error;
  change(error);
  if (error)
    throw Error(ErrorCode::internal, fmt::format("cannot {}: {}; see whether ML ranks may write there, and have room",
                                                 doing, error.message()));
}

std::string names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names.empty() ? "nothing" : joined(names, ", ");
}

class FolderStore : public RestartStore {
 public:
  explicit FolderStore(const std::string& folder)
      : root_(fs::absolute(fs::path(folder) / "restart").lexically_normal()) {
    start_hdf5();
  }

  std::unique_ptr<RestartWriter> create(const std::string& label, const RestartHeader& header) override {
    const fs::path folder = with(folder_of(label, header.component), ".partial");
    change_files(fmt::format("make the folder {}", folder.string()),
                 [&](std::error_code& error) { fs::create_directories(folder, error); });
    return create_restart_file((folder / (file_name(header.network) + ".h5")).string(), label, header);
  }

  void publish(const std::string& label, const std::string& component,
               const std::vector<std::string>& networks) override {
    const fs::path set = folder_of(label, component), partial = with(set, ".partial"), old = with(set, ".old");
    remove_others(partial, networks);
    sync_path(partial.string());
    // Where only `old` is there, an earlier switch was cut off between its two renames.
    if (fs::exists(set)) {
      remove(old);
      rename(set, old);
    }
    rename(partial, set);
    for (const fs::path& folder : {set.parent_path(), root_, root_.parent_path()}) sync_path(folder.string());
    remove(old);
  }

  std::unique_ptr<RestartReader> open(const RestartPlace& place) override {
    const fs::path all = root_ / place.label;
    if (!fs::is_directory(all)) {
      throw Error(ErrorCode::plan,
                  fmt::format("there is no restart set \"{}\" in {}, which holds: {}; change `resume` or "
                              "output.directory",
                              place.label, root_.string(), names_in(root_)));
    }
    fs::path set = folder_of(place.label, place.component);
    if (!fs::is_directory(set)) set = with(set, ".old");
    const fs::path file = set / (file_name(place.network) + ".h5");
    if (!fs::exists(file)) {
      throw Error(ErrorCode::plan, fmt::format("restart set \"{}\" in {} has no file of network \"{}\" of "
                                               "component \"{}\"; was it written with this plan, and by "
                                               "every component?",
                                               place.label, root_.string(), place.network, place.component));
    }
    return open_restart_file(file.string());
  }

 private:
  fs::path folder_of(const std::string& label, const std::string& component) const {
    return root_ / label / file_name(component);
  }

  static fs::path with(const fs::path& folder, const char* ending) { return folder.string() + ending; }

  static void rename(const fs::path& from, const fs::path& to) {
    change_files(fmt::format("rename {} to {}", from.string(), to.string()),
                 [&](std::error_code& error) { fs::rename(from, to, error); });
  }

  static void remove(const fs::path& folder) {
    change_files(fmt::format("remove {}", folder.string()),
                 [&](std::error_code& error) { fs::remove_all(folder, error); });
  }

  // What an attempt that was cut off, with another plan, left behind.
  static void remove_others(const fs::path& folder, const std::vector<std::string>& networks) {
    std::vector<fs::path> others;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      const bool ours = std::any_of(networks.begin(), networks.end(), [&](const std::string& network) {
        return entry.path().filename() == file_name(network) + ".h5";
      });
      if (!ours) others.push_back(entry.path());
    }
    for (const fs::path& other : others) remove(other);
  }

  fs::path root_;
};

}  // namespace

std::unique_ptr<RestartStore> make_hdf5_restart_store(const std::string& folder) {
  return std::make_unique<FolderStore>(folder);
}

}  // namespace ekman
