// Implements restart_file.hpp.
#include "adapters/hdf5/restart_file.hpp"

#include <fmt/format.h>

#include "adapters/hdf5/hdf5_attributes.hpp"
#include "coupler/base/durable_file.hpp"
#include "coupler/base/version.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr const char* k_write = "write";
constexpr const char* k_read = "read";
constexpr const char* k_format = "ekman restart";
// 2 has what a network has learned, 3 outputs of a network with lag; a file without either is one of version 1.
constexpr std::int64_t k_format_version = 3;
constexpr std::int64_t k_learning_version = 2;
constexpr std::int64_t k_oldest_version = 1;
constexpr const char* k_learned_group = "learned";

// A file is written under a name that nobody reads, and read when nobody writes it: no locks, which some
// parallel file systems refuse.
Hdf5Properties without_locks(const std::string& path) {
  Hdf5Properties properties(check_hdf5(H5Pcreate(H5P_FILE_ACCESS), k_read, path));
  check_hdf5(H5Pset_file_locking(properties.get(), false, true), k_read, path);
  return properties;
}

hid_t type_of(ElementKind kind) {
  switch (kind) {
    case ElementKind::real32:
      return H5T_NATIVE_FLOAT;
    case ElementKind::real64:
      return H5T_NATIVE_DOUBLE;
    case ElementKind::int32:
      return H5T_NATIVE_INT32;
    case ElementKind::int64:
      break;
  }
  return H5T_NATIVE_INT64;
}

Hdf5Properties with_groups(const std::string& path) {
  Hdf5Properties links(check_hdf5(H5Pcreate(H5P_LINK_CREATE), k_write, path));
  check_hdf5(H5Pset_create_intermediate_group(links.get(), 1), k_write, path);
  return links;
}

// Ids are a list, all else a table with a column for each level.
int rank_of(const RestartArray& array) { return array.name == k_ids_array ? 1 : 2; }

Hdf5Space select(hid_t dataset, const RestartArray& array, std::int64_t first, std::int64_t count,
                 const std::string& path) {
  Hdf5Space space(check_hdf5(H5Dget_space(dataset), k_read, path));
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
  const hsize_t extent[2] = {static_cast<hsize_t>(count), static_cast<hsize_t>(array.levels)};
  check_hdf5(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, extent, nullptr), k_read, path);
  return space;
}

Hdf5Space space_of(const RestartArray& array, std::int64_t rows, const std::string& path) {
  const hsize_t extent[2] = {static_cast<hsize_t>(rows), static_cast<hsize_t>(array.levels)};
  return Hdf5Space(check_hdf5(H5Screate_simple(rank_of(array), extent, nullptr), k_write, path));
}

class FileWriter : public RestartWriter {
 public:
  FileWriter(std::string path, const std::string& label, const RestartHeader& header)
      : path_(std::move(path)),
        points_(header.points),
        file_(check_hdf5(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, without_locks(path_).get()), k_write,
                         path_)) {
    const Hdf5Named root{file_.get(), path_};
    write_text(root, "format", k_format);
    write_number(root, "version",
                 header.lag > 0          ? k_format_version
                 : header.learning.given ? k_learning_version
                                         : k_oldest_version);
    write_text(root, "ekman", build_version());
    write_text(root, "label", label);
    write_text(root, "component", header.component);
    write_text(root, "network", header.network);
    write_number(root, "step", header.step);
    write_number(root, "points", header.points);
    write_number(root, "coupling_period", header.period);
    if (header.lag > 0) write_number(root, "lag", header.lag);
    write_text(root, "time_reduction", word_of(header.time_reduction));
    write_number(root, "steps_reduced", header.steps_reduced());
    write_text(root, "wire", word_of(header.wire));
    write_fields(root, "inputs", "input_levels", header.inputs);
    write_fields(root, "outputs", "output_levels", header.outputs);
    if (header.learning.given) write_learning(root, header);
  }

  void write(const RestartArray& array, std::int64_t first, std::int64_t count, const std::byte* values) override {
    if (array.name != name_) begin(array);
    const Hdf5Space rows = space_of(array, count, path_), place = select(dataset_.get(), array, first, count, path_);
    const hid_t type = type_of(array.kind);
    check_hdf5(H5Dwrite(dataset_.get(), type, rows.get(), place.get(), H5P_DEFAULT, values), k_write, path_);
  }

  void write(const RestartBlock& block) override {
    const std::vector<hsize_t> extent(block.shape.begin(), block.shape.end());
    const Hdf5Space space(check_hdf5(extent.empty()
                                         ? H5Screate(H5S_SCALAR)
                                         : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                                     k_write, path_));
    const hid_t type = type_of(block.kind);
    const Hdf5Dataset dataset(check_hdf5(H5Dcreate2(file_.get(), block.name.c_str(), type, space.get(),
                                                    with_groups(path_).get(), H5P_DEFAULT, H5P_DEFAULT),
                                         k_write, path_));
    check_hdf5(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block.bytes.data()), k_write, path_);
  }

  void finish() override {
    check_hdf5(dataset_.close(), k_write, path_);
    check_hdf5(file_.close(), k_write, path_);
    sync_path(path_);
  }

 private:
  static void write_fields(const Hdf5Named& root, const char* names, const char* levels,
                           const std::vector<RestartField>& fields) {
    std::vector<std::string> texts;
    std::vector<std::int64_t> numbers;
    for (const RestartField& field : fields) {
      texts.push_back(field.name);
      numbers.push_back(field.levels);
    }
    write_texts(root, names, texts);
    write_numbers(root, levels, numbers);
  }

  void write_learning(const Hdf5Named& root, const RestartHeader& header) const {
    write_fields(root, "truth", "truth_levels", header.truth);
    write_text(root, "weights", header.weights);
    const Hdf5Group group(
        check_hdf5(H5Gcreate2(file_.get(), k_learned_group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), k_write, path_));
    const Hdf5Named learned{group.get(), path_};
    write_text(learned, "network", header.learning.network);
    write_number(learned, "exchanges", header.learning.exchanges);
    write_number(learned, "exchanges_summed", header.learning.summed);
    write_number(learned, "parts", header.learning.parts);
  }

  void begin(const RestartArray& array) {
    const Hdf5Properties links = with_groups(path_);
    const Hdf5Space space = space_of(array, points_, path_);
    dataset_ = Hdf5Dataset(check_hdf5(H5Dcreate2(file_.get(), array.name.c_str(), type_of(array.kind), space.get(),
                                                 links.get(), H5P_DEFAULT, H5P_DEFAULT),
                                      k_write, path_));
    name_ = array.name;
  }

  std::string path_;
  std::int64_t points_;
  Hdf5File file_;
  Hdf5Dataset dataset_;
  std::string name_;  // of the array that is open
};

template <class Choice>
Choice read_choice(const Hdf5Named& root, const char* name) {
  const std::string word = read_text(root, name);
  if (const std::optional<Choice> choice = choice_of<Choice>(word)) return *choice;
  throw Error(ErrorCode::internal,
              fmt::format("cannot read {}: its attribute \"{}\" is \"{}\", which Ekman {} does not know; resume with "
                          "the Ekman that wrote it",
                          root.path, name, word, build_version()));
}

class FileReader : public RestartReader {
 public:
  explicit FileReader(std::string path)
      : path_(std::move(path)),
        file_(check_hdf5(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, without_locks(path_).get()), k_read, path_)) {
    const Hdf5Named root{file_.get(), path_};
    const std::string format = read_text(root, "format");
    const std::int64_t number = read_number(root, "version");
    if (format != k_format || number < k_oldest_version || number > k_format_version) {
      throw Error(ErrorCode::internal,
                  fmt::format("cannot read {}: it is \"{}\" version {}, but Ekman {} reads \"{}\" versions {} to {}; "
                              "resume with the Ekman that wrote it",
                              path_, format, number, build_version(), k_format, k_oldest_version, k_format_version));
    }
    header_.component = read_text(root, "component");
    header_.network = read_text(root, "network");
    header_.step = read_number(root, "step");
    header_.points = read_number(root, "points");
    header_.period = read_number(root, "coupling_period");
    if (number == k_format_version) header_.lag = read_number(root, "lag");
    if (header_.step < 1 || header_.period < 1 || header_.lag < 0 || header_.lag > 1) {
      throw Error(ErrorCode::internal, fmt::format("cannot read {}: step {} with an exchange every {} steps and lag {} "
                                                   "makes no sense; resume from another set",
                                                   path_, header_.step, header_.period, header_.lag));
    }
    header_.time_reduction = read_choice<Reduction>(root, "time_reduction");
    header_.wire = read_choice<Real>(root, "wire");
    header_.inputs = read_fields(root, "inputs", "input_levels");
    header_.outputs = read_fields(root, "outputs", "output_levels");
    if (H5Lexists(file_.get(), k_learned_group, H5P_DEFAULT) > 0) read_learning(root);
    for (const RestartArray& array : reduction_arrays(header_)) header_.kinds.push_back(kind_of(array.name));
  }

  const RestartHeader& header() const override { return header_; }
  const std::string& path() const override { return path_; }

  void read(const RestartArray& array, std::int64_t first, std::int64_t count, std::byte* values) override {
    if (array.name != name_) {
      dataset_ = Hdf5Dataset(check_hdf5(H5Dopen2(file_.get(), array.name.c_str(), H5P_DEFAULT), k_read, path_));
      name_ = array.name;
    }
    const Hdf5Space rows = space_of(array, count, path_), place = select(dataset_.get(), array, first, count, path_);
    const hid_t type = type_of(array.kind);
    check_hdf5(H5Dread(dataset_.get(), type, rows.get(), place.get(), H5P_DEFAULT, values), k_read, path_);
  }

  std::vector<RestartBlock> read_blocks(const std::string& name) override {
    std::vector<RestartBlock> blocks;
    // Each group of the path is asked for: HDF5 refuses to look into one that is not there.
    for (std::size_t end = 0; end != std::string::npos;) {
      end = name.find('/', end + 1);
      if (H5Lexists(file_.get(), name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return blocks;
    }
    add_blocks(Hdf5Group(check_hdf5(H5Gopen2(file_.get(), name.c_str(), H5P_DEFAULT), k_read, path_)), "", blocks);
    return blocks;
  }

 private:
  void read_learning(const Hdf5Named& root) {
    header_.truth = read_fields(root, "truth", "truth_levels");
    header_.weights = read_text(root, "weights");
    const Hdf5Group group(check_hdf5(H5Gopen2(file_.get(), k_learned_group, H5P_DEFAULT), k_read, path_));
    const Hdf5Named learned{group.get(), path_};
    RestartLearning& learning = header_.learning;
    learning.given = true;
    learning.network = read_text(learned, "network");
    learning.exchanges = read_number(learned, "exchanges");
    learning.summed = read_number(learned, "exchanges_summed");
    learning.parts = read_number(learned, "parts");
    if (learning.summed < 0 || learning.summed > learning.exchanges || learning.parts < 0) {
      throw Error(ErrorCode::internal, fmt::format("cannot read {}: {} of {} exchanges in {} sums of gradients make no "
                                                   "sense; resume from another set",
                                                   path_, learning.summed, learning.exchanges, learning.parts));
    }
  }

  void add_blocks(const Hdf5Group& group, const std::string& prefix, std::vector<RestartBlock>& blocks) const {
    H5G_info_t info{};
    check_hdf5(H5Gget_info(group.get(), &info), k_read, path_);
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      char name[1024];
      check_hdf5(H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT),
                 k_read, path_);
      const Hdf5Object object(check_hdf5(H5Oopen(group.get(), name, H5P_DEFAULT), k_read, path_));
      if (H5Iget_type(object.get()) == H5I_GROUP) {
        add_blocks(Hdf5Group(check_hdf5(H5Gopen2(group.get(), name, H5P_DEFAULT), k_read, path_)), prefix + name + "/",
                   blocks);
      } else {
        blocks.push_back(read_block(object.get(), prefix + name));
      }
    }
  }

  RestartBlock read_block(hid_t dataset, std::string name) const {
    RestartBlock block{std::move(name), {}, {}, {}};
    const Hdf5Type type(check_hdf5(H5Dget_type(dataset), k_read, path_));
    const bool is_short = H5Tget_size(type.get()) == 4, whole = H5Tget_class(type.get()) == H5T_INTEGER;
    block.kind = whole ? (is_short ? ElementKind::int32 : ElementKind::int64)
                       : (is_short ? ElementKind::real32 : ElementKind::real64);
    const Hdf5Space space(check_hdf5(H5Dget_space(dataset), k_read, path_));
    std::vector<hsize_t> extent(
        static_cast<std::size_t>(check_hdf5(H5Sget_simple_extent_ndims(space.get()), k_read, path_)));
    check_hdf5(H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr), k_read, path_);
    std::size_t bytes = is_short ? 4 : 8;
    for (const hsize_t length : extent) {
      block.shape.push_back(static_cast<std::int64_t>(length));
      bytes *= length;
    }
    block.bytes.resize(bytes);
    check_hdf5(H5Dread(dataset, type_of(block.kind), H5S_ALL, H5S_ALL, H5P_DEFAULT, block.bytes.data()), k_read, path_);
    return block;
  }

  std::vector<RestartField> read_fields(const Hdf5Named& root, const char* names, const char* levels) const {
    std::vector<RestartField> fields;
    const std::vector<std::string> texts = read_texts(root, names);
    const std::vector<std::int64_t> numbers = read_numbers(root, levels);
    if (texts.size() != numbers.size()) {
      throw Error(ErrorCode::internal,
                  fmt::format("cannot read {}: it has {} {}, but levels of {}; resume from another set", path_,
                              texts.size(), names, numbers.size()));
    }
    for (std::size_t i = 0; i < texts.size(); ++i) fields.push_back({texts[i], numbers[i]});
    return fields;
  }

  Real kind_of(const std::string& name) const {
    const Hdf5Dataset dataset(check_hdf5(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), k_read, path_));
    const Hdf5Type type(check_hdf5(H5Dget_type(dataset.get()), k_read, path_));
    return H5Tget_size(type.get()) == 4 ? Real::float32 : Real::float64;
  }

  std::string path_;
  Hdf5File file_;
  Hdf5Dataset dataset_;
  std::string name_;  // of the array that is open
  RestartHeader header_;
};

}  // namespace

std::unique_ptr<RestartWriter> create_restart_file(const std::string& path, const std::string& label,
                                                   const RestartHeader& header) {
  return std::make_unique<FileWriter>(path, label, header);
}

std::unique_ptr<RestartReader> open_restart_file(const std::string& path) { return std::make_unique<FileReader>(path); }

}  // namespace ekman
