// Reads a recording, finished or of a killed run; what it says of itself is compared with what it holds.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <sstream>

#include "adapters/hdf5/recording_format.hpp"
#include "coupler/base/version.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

constexpr const char* k_read = "read";
constexpr std::int64_t k_most_rows_per_chunk = 1000000000000;
using Extent = std::vector<hsize_t>;

[[noreturn]] void fail_to_read(const std::string& path, const std::string& found) {
  throw Error(ErrorCode::internal, fmt::format("cannot read {}: {}; {}", path, found, recording_named(-1, path).cure));
}

class FileReader : public RecordingReader {
 public:
  explicit FileReader(std::string path) : path_(std::move(path)), file_(open_recording(path_)) {
    const Hdf5Named root = named(file_.get());
    const std::string format = read_label(root, "format");
    const std::int64_t version = read_number(root, "format_version");
    if (format != k_recording_format || version != k_recording_version)
      fail(fmt::format("it is \"{}\" version {}, but Ekman {} reads \"{}\" version {}", format, version,
                       build_version(), k_recording_format, k_recording_version));
    read_root(root);
    header_.chunks = read_list<std::int64_t>("chunk_number", H5T_NATIVE_INT64);
    header_.ids = read_list<std::int64_t>("global_id", H5T_NATIVE_INT64);
    if (H5Lexists(file_.get(), "longitude", H5P_DEFAULT) > 0) {
      header_.longitude = read_list<double>("longitude", H5T_NATIVE_DOUBLE);
      header_.latitude = read_list<double>("latitude", H5T_NATIVE_DOUBLE);
    }
    read_time();
    const std::vector<std::int64_t> steps = read_list<std::int64_t>("step", H5T_NATIVE_INT64);
    const std::vector<std::int64_t> exchanges = read_list<std::int64_t>("exchange", H5T_NATIVE_INT64);
    std::size_t length = std::min(steps.size(), exchanges.size());
    open_fields(root, length);
    check_sizes();
    // A step of 0 has its place already, but no value.
    for (std::size_t i = 0; i < length && steps[i] > 0; ++i) records_.push_back({steps[i], exchanges[i]});
  }

  const RecordingHeader& header() const override { return header_; }
  const std::string& path() const override { return path_; }
  const std::vector<Record>& records() const override { return records_; }

  void read(std::int64_t record, std::int64_t field, std::int64_t place, std::byte* values) const override {
    const hsize_t levels = header_.fields[field].levels, rows = header_.rows_of(place);
    const Extent start{static_cast<hsize_t>(record), static_cast<hsize_t>(header_.first_row(place)), 0};
    const Extent count{1, rows, levels};
    const hid_t dataset = fields_[field].get();
    const Hdf5Space source(check(H5Dget_space(dataset)));
    check(H5Sselect_hyperslab(source.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
    const Hdf5Space target(check(H5Screate_simple(levels > 1 ? 3 : 2, count.data(), nullptr)));
    check(H5Dread(dataset, header_.wire == Real::float32 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, target.get(),
                  source.get(), H5P_DEFAULT, values));
  }

 private:
  hid_t check(hid_t status) const { return check_hdf5(status, k_read, path_); }
  Hdf5Named named(hid_t object) const { return recording_named(object, path_); }

  [[noreturn]] void fail(const std::string& found) const { fail_to_read(path_, found); }

  void read_root(const Hdf5Named& root) {
    header_.component = read_label(root, "component");
    header_.network = read_label(root, "network");
    const std::string sample = read_label(root, "sample");
    if (sample != "point" && sample != "grid")
      fail(fmt::format("its sample is \"{}\", neither point nor grid", sample));
    if (sample == "grid") {
      const std::vector<std::int64_t> shape = read_numbers(root, "grid_shape");
      if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > k_most_rows_per_chunk / shape[1])
        fail("its grid_shape is no [ny, nx]");
      header_.sample = Sample::grid;
      header_.grid_ny = shape[0];
      header_.grid_nx = shape[1];
    }
    header_.chunk = read_number(root, "chunk_samples");
    const std::int64_t rows_of_sample = header_.sample == Sample::grid ? header_.grid_ny * header_.grid_nx : 1;
    if (header_.chunk < 1 || header_.chunk > k_most_rows_per_chunk / rows_of_sample)
      fail(fmt::format("its chunk_samples is {}", header_.chunk));
    if (has_attribute(root, "timestep_microseconds"))
      header_.clock.timestep = read_number(root, "timestep_microseconds");
  }

  // The calendar, if the times are dates.
  void read_time() {
    const Hdf5Dataset time = open_dataset("time");
    if (!has_attribute(named(time.get()), "calendar")) return;
    Calendar& calendar = header_.clock.calendar;
    const std::string word = read_label(named(time.get()), "calendar");
    for (const CalendarKind kind :
         {CalendarKind::proleptic_gregorian, CalendarKind::days_365, CalendarKind::days_360}) {
      if (word != cf_calendar(kind)) continue;
      calendar.given = true;
      calendar.kind = kind;
    }
    std::string units = read_label(named(time.get()), "units");
    const std::string mark = "seconds since ";
    if (!calendar.given || units.rfind(mark, 0) != 0) fail(fmt::format("its time is in \"{}\", \"{}\"", units, word));
    units = units.substr(mark.size());
    std::replace(units.begin(), units.end(), ' ', 'T');
    const std::optional<std::int64_t> start = parse_date(calendar.kind, units);
    if (!start) fail(fmt::format("its time begins at \"{}\"", units));
    calendar.start = *start;
  }

  Hdf5Dataset open_dataset(const std::string& name) const {
    if (H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT) <= 0) fail(fmt::format("it has no variable \"{}\"", name));
    return Hdf5Dataset(check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT)));
  }

  Extent extent_of(const Hdf5Dataset& dataset) const {
    const Hdf5Space space(check(H5Dget_space(dataset.get())));
    Extent extent(static_cast<std::size_t>(check(H5Sget_simple_extent_ndims(space.get()))));
    check(H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr));
    return extent;
  }

  template <class Value>
  std::vector<Value> read_list(const char* name, hid_t kind) const {
    const Hdf5Dataset dataset = open_dataset(name);
    const Extent extent = extent_of(dataset);
    if (extent.size() != 1) fail(fmt::format("its variable \"{}\" is no list", name));
    std::vector<Value> values(extent[0]);
    if (!values.empty()) check(H5Dread(dataset.get(), kind, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    return values;
  }

  // `length`: of the records; less after this, if one of the fields has fewer.
  void open_fields(const Hdf5Named& root, std::size_t& length) {
    std::istringstream names(read_label(root, "fields"));
    for (std::string name; names >> name;) {
      Hdf5Dataset dataset = open_dataset(name);
      const Hdf5Named variable = named(dataset.get());
      const Extent extent = extent_of(dataset);
      if (extent.size() != 2 && extent.size() != 3)
        fail(fmt::format("its variable \"{}\" has {} dimensions, not time, point and level", name, extent.size()));
      if (extent[1] != header_.ids.size())
        fail(fmt::format("its variable \"{}\" has {} points, but there are {}", name, extent[1], header_.ids.size()));
      RecordedField field;
      field.name = read_label(variable, "long_name");
      field.levels = extent.size() == 3 ? static_cast<std::int64_t>(extent[2]) : 1;
      if (has_attribute(variable, "units")) field.units = read_label(variable, "units");
      const Hdf5Type type(check(H5Dget_type(dataset.get())));
      const Real wire = H5Tget_size(type.get()) == 4 ? Real::float32 : Real::float64;
      if (H5Tget_class(type.get()) != H5T_FLOAT || (!fields_.empty() && wire != header_.wire))
        fail(fmt::format("its variable \"{}\" is not of the kind of the others", name));
      header_.wire = wire;
      length = std::min<std::size_t>(length, extent[0]);
      header_.fields.push_back(std::move(field));
      fields_.push_back(std::move(dataset));
    }
  }

  void check_sizes() const {
    const auto points = static_cast<std::int64_t>(header_.ids.size());
    const auto chunks = static_cast<std::int64_t>(header_.chunks.size()), rows = header_.rows_per_chunk();
    if (header_.fields.empty()) fail("it has no fields");
    if (chunks != (points + rows - 1) / rows)
      fail(fmt::format("it has {} points in {} chunks of {}", points, chunks, rows));
    if (!std::is_sorted(header_.chunks.begin(), header_.chunks.end())) fail("its chunks are out of order");
    for (const std::vector<double>* coordinate : {&header_.longitude, &header_.latitude})
      if (!header_.longitude.empty() && coordinate->size() != header_.ids.size())
        fail(fmt::format("it has coordinates of {} points, but there are {}", coordinate->size(), points));
  }

  std::string path_;
  Hdf5File file_;
  std::vector<Hdf5Dataset> fields_;
  RecordingHeader header_;
  std::vector<Record> records_;
};

}  // namespace

// The second one is for files that no one has closed: they open in SWMR mode only.
Hdf5File open_recording(const std::string& path) {
  const Hdf5Properties access = recording_access(path);
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get());
  if (file >= 0) return Hdf5File(file);
  const std::string cause = hdf5_cause();
  const hid_t part = H5Fopen(path.c_str(), H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access.get());
  if (part < 0) fail_to_read(path, cause);
  return Hdf5File(part);
}

std::unique_ptr<RecordingReader> open_recording_file(const std::string& path) {
  return std::make_unique<FileReader>(path);
}

}  // namespace ekman
