// Implements recordings.hpp.
#include "coupler/offline/recordings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <tuple>
#include <type_traits>

#include "coupler/base/joined.hpp"
#include "coupler/engine/row_values.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

[[noreturn]] void fail(const std::string& text) { throw Error(ErrorCode::plan, text); }

std::vector<std::string> names_in(const RecordingHeader& header) {
  std::vector<std::string> names;
  for (const RecordedField& field : header.fields) names.push_back(field.name);
  return names;
}

const char* kind_name(Real kind) { return kind == Real::float32 ? "float32" : "float64"; }

}  // namespace

Recordings::Recordings(std::vector<std::unique_ptr<RecordingReader>> files, const Plan& plan, const NetworkSpec& spec)
    : files_(std::move(files)), spec_(spec) {
  if (files_.empty())
    fail(fmt::format("network \"{}\" has no recordings to learn from; name files that `output.record` of a run wrote",
                     spec_.name));
  for (const auto& file : files_) require_alike(*file);
  lay_out(plan);
  list_lessons();
}

std::int64_t Recordings::field(const std::string& name) const {
  const std::vector<RecordedField>& fields = header().fields;
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& one) { return one.name == name; });
  if (found != fields.end()) return found - fields.begin();
  fail(
      fmt::format("recording {} has no field \"{}\", which network \"{}\" needs; it has {}: record it too, or name "
                  "another field in the plan",
                  files_.front()->path(), name, spec_.name, joined(names_in(header()), ", ")));
}

// One file may be of another run, with another number of ranks.
void Recordings::require_alike(const RecordingReader& file) const {
  const RecordingHeader &first = header(), &other = file.header();
  const auto differ = [&](const std::string& what, const auto& here, const auto& there) {
    fail(fmt::format("recordings {} and {} differ in {}: {} and {}; give `ekman` recordings of like runs only",
                     files_.front()->path(), file.path(), what, here, there));
  };
  if (other.wire != first.wire) differ("kind", kind_name(first.wire), kind_name(other.wire));
  if (names_in(other) != names_in(first))
    differ("their fields", joined(names_in(first), ", "), joined(names_in(other), ", "));
  for (std::size_t i = 0; i < first.fields.size(); ++i) {
    const RecordedField &a = first.fields[i], &b = other.fields[i];
    if (a.levels != b.levels) differ(fmt::format("levels of \"{}\"", a.name), a.levels, b.levels);
    if (a.units != b.units) differ(fmt::format("units of \"{}\"", a.name), a.units, b.units);
  }
  if (other.rows_per_chunk() != first.rows_per_chunk())
    differ("points of a chunk", first.rows_per_chunk(), other.rows_per_chunk());
  if (other.sample != first.sample || other.grid_ny != first.grid_ny || other.grid_nx != first.grid_nx)
    differ("their samples", fmt::format("{} x {}", first.grid_ny, first.grid_nx),
           fmt::format("{} x {}", other.grid_ny, other.grid_nx));
}

void Recordings::lay_out(const Plan& plan) {
  const RecordingHeader& recorded = header();
  const std::string& path = files_.front()->path();
  if (recorded.wire != spec_.wire)
    fail(fmt::format("recording {} holds {}, but the wire of network \"{}\" is {}; write `wire: {}`, or record anew",
                     path, kind_name(recorded.wire), spec_.name, kind_name(spec_.wire), kind_name(recorded.wire)));
  if (recorded.sample != spec_.sample || recorded.grid_ny != spec_.grid_ny || recorded.grid_nx != spec_.grid_nx)
    fail(fmt::format(
        "recording {} has {}, but network \"{}\" takes {}; give it the `sample` that was recorded", path,
        recorded.sample == Sample::grid ? fmt::format("grids of {} x {}", recorded.grid_ny, recorded.grid_nx)
                                        : "points",
        spec_.name,
        spec_.sample == Sample::grid ? fmt::format("grids of {} x {}", spec_.grid_ny, spec_.grid_nx) : "points"));
  const ComponentSpec* component = find_component(plan, spec_.component);
  const auto levels_of = [&](const std::string& name) {
    const RecordedField& found = recorded.fields[static_cast<std::size_t>(field(name))];
    const auto planned = component->fields.find(name);
    if (planned == component->fields.end()) return found.levels;
    if (planned->second.levels != 0 && planned->second.levels != found.levels)
      fail(
          fmt::format("recording {} has {} levels of \"{}\", but the plan has {}; correct components.{}.fields, or "
                      "record anew",
                      path, found.levels, name, planned->second.levels, spec_.component));
    if (!planned->second.units.empty() && planned->second.units != found.units)
      fail(fmt::format(
          "recording {} has \"{}\" in \"{}\", but the plan in \"{}\"; correct components.{}.fields, or record "
          "anew",
          path, name, found.units, planned->second.units, spec_.component));
    return found.levels;
  };
  const auto layout = [&](const std::vector<Argument>& arguments) {
    std::vector<std::int64_t> levels;
    for (const std::string& name : fields_of(arguments)) levels.push_back(levels_of(name));
    return make_row_layout(arguments, levels);
  };
  layouts_.in = layout(spec_.inputs);
  const std::vector<std::string> truth = truth_fields_of(spec_);
  if (!truth.empty()) layouts_.truth = layout({Argument{truth}});
  std::vector<std::int64_t> levels;
  for (const std::string& output : fields_of(spec_.outputs)) {
    const auto planned = component->fields.find(output);
    std::int64_t found = planned == component->fields.end() ? 0 : planned->second.levels;
    const auto target = spec_.training.targets.find(output);
    if (found == 0 && target != spec_.training.targets.end())
      found = levels_from_target(spec_, output, levels_of(target->second));
    if (found == 0) {
      const auto names = names_in(recorded);
      if (std::find(names.begin(), names.end(), output) != names.end()) found = levels_of(output);
    }
    if (found == 0)
      fail(
          fmt::format("neither the plan nor a target tells the levels of \"{}\", an output of network \"{}\"; give "
                      "components.{}.fields.{}.levels",
                      output, spec_.name, spec_.component, output));
    levels.push_back(found);
  }
  layouts_.out = make_row_layout(spec_.outputs, levels);
}

void Recordings::list_lessons() {
  struct Where {
    std::int32_t file, record, place;
    std::int64_t exchange;
  };
  std::map<std::string, std::int32_t> runs;
  std::map<std::tuple<std::int64_t, std::int32_t, std::int64_t>, Where> found;  // by step, run and chunk
  for (std::size_t f = 0; f < files_.size(); ++f) {
    const RecordingHeader& file = files_[f]->header();
    const std::vector<Record>& records = files_[f]->records();
    const std::string folder = std::filesystem::absolute(files_[f]->path()).lexically_normal().parent_path().string();
    const std::int32_t run = runs.emplace(folder, static_cast<std::int32_t>(runs.size())).first->second;
    for (std::size_t r = 0; r < records.size(); ++r) {
      for (std::size_t place = 0; place < file.chunks.size(); ++place)
        found[{records[r].step, run, file.chunks[place]}] = {static_cast<std::int32_t>(f), static_cast<std::int32_t>(r),
                                                             static_cast<std::int32_t>(place), records[r].exchange};
    }
  }
  const std::int64_t most = std::min(spec_.rows_per_chunk(), header().rows_per_chunk());
  for (const auto& [key, where] : found) {
    const auto& [step, run, chunk] = key;
    const std::int64_t rows = files_[static_cast<std::size_t>(where.file)]->header().rows_of(where.place);
    for (std::int64_t first = 0; first < rows; first += most)
      lessons_.push_back({step, where.exchange, chunk, run, first, std::min(most, rows - first), where.file,
                          where.record, where.place});
  }
  num_runs_ = static_cast<std::int64_t>(runs.size());
  if (lessons_.empty())
    fail(fmt::format("recording {} holds no whole record; let the run that writes it make more exchanges",
                     files_.front()->path()));
}

std::vector<RecordedChunk> Recordings::chunks() const {
  std::map<std::int64_t, RecordedChunk> found;
  for (const RecordedLesson& lesson : lessons_) {
    if (found.count(lesson.chunk) != 0) continue;
    const RecordingHeader& file = files_[static_cast<std::size_t>(lesson.file)]->header();
    const std::int64_t first = file.first_row(lesson.place), rows = file.rows_of(lesson.place);
    const auto part = [&](const auto& all) {
      using List = std::decay_t<decltype(all)>;
      return all.empty() ? List() : List(all.begin() + first, all.begin() + first + rows);
    };
    found[lesson.chunk] = {lesson.chunk, part(file.ids), part(file.longitude), part(file.latitude)};
  }
  std::vector<RecordedChunk> chunks;
  for (auto& entry : found) chunks.push_back(std::move(entry.second));
  return chunks;
}

std::vector<std::int64_t> Recordings::steps() const {
  std::vector<std::int64_t> steps;
  for (const RecordedLesson& lesson : lessons_)
    if (steps.empty() || steps.back() != lesson.step) steps.push_back(lesson.step);
  return steps;
}

const std::int64_t* Recordings::ids(const RecordedLesson& lesson) const {
  const RecordingHeader& file = files_[static_cast<std::size_t>(lesson.file)]->header();
  return file.ids.data() + file.first_row(lesson.place) + lesson.first;
}

void Recordings::read_field(const RecordedLesson& lesson, const std::string& name,
                            std::vector<std::byte>& values) const {
  const RecordingReader& file = *files_[static_cast<std::size_t>(lesson.file)];
  const std::int64_t number = field(name);
  const std::int64_t row_bytes =
      file.header().fields[static_cast<std::size_t>(number)].levels * real_size(header().wire);
  const std::int64_t all = file.header().rows_of(lesson.place);
  values.resize(static_cast<std::size_t>(all * row_bytes));
  file.read(lesson.record, number, lesson.place, values.data());
  values.erase(values.begin(), values.begin() + lesson.first * row_bytes);
  values.resize(static_cast<std::size_t>(lesson.rows * row_bytes));
}

void Recordings::read_rows(const RecordedLesson& lesson, const RowLayout& layout, std::vector<std::byte>& rows) const {
  const std::int64_t value = real_size(header().wire), row_bytes = layout.row_len() * value;
  rows.assign(static_cast<std::size_t>(spec_.rows_per_chunk() * row_bytes), std::byte{0});
  std::vector<std::byte> values;
  for (const FieldSlot& slot : layout.fields) {
    read_field(lesson, slot.name, values);
    const std::int64_t length = slot.levels * value;
    for (std::int64_t row = 0; row < lesson.rows; ++row)
      std::memcpy(rows.data() + row * row_bytes + slot.offset * value, values.data() + row * length,
                  static_cast<std::size_t>(length));
  }
}

void Recordings::read(const RecordedLesson& lesson, LessonRows& rows) const {
  read_rows(lesson, layouts_.in, rows.in);
  read_rows(lesson, layouts_.truth, rows.truth);
  rows.ids.assign(static_cast<std::size_t>(spec_.rows_per_chunk()), -1);
  std::copy_n(ids(lesson), lesson.rows, rows.ids.begin());
}

void Recordings::require_numbers(const RecordedLesson& lesson, const LessonRows& rows,
                                 const std::uint8_t* counts) const {
  if (header().wire == Real::float64) {
    require_all<double>(lesson, rows, counts);
  } else {
    require_all<float>(lesson, rows, counts);
  }
}

template <class T>
void Recordings::require_all(const RecordedLesson& lesson, const LessonRows& rows, const std::uint8_t* counts) const {
  const auto& truth = layouts_.truth;
  const FieldSlot* const weights = find_slot(truth, spec_.training.weights);
  const auto value = [&](const std::vector<std::byte>& from, const RowLayout& layout, std::int64_t row,
                         std::int64_t at) {
    return load<T>(from.data() + (row * layout.row_len() + at) * static_cast<std::int64_t>(sizeof(T)));
  };
  for (std::int64_t row = 0; row < lesson.rows; ++row) {
    if (counts != nullptr && counts[row] == 0) continue;
    if (weights != nullptr && value(rows.truth, truth, row, weights->offset) == T{0}) continue;
    for (const auto& [layout, from] : {std::pair(&layouts_.in, &rows.in), std::pair(&truth, &rows.truth)}) {
      for (const FieldSlot& field : layout->fields) {
        for (std::int64_t level = 0; level < field.levels; ++level) {
          const T number = value(*from, *layout, row, field.offset + level);
          if (std::isfinite(number)) continue;
          fail(fmt::format(
              "recording {} has {} in \"{}\" of point {}, level {}, step {}; give such points the weight 0, "
              "or leave this file out",
              path(lesson), number, field.name, rows.ids[static_cast<std::size_t>(row)], level + 1, lesson.step));
        }
      }
    }
  }
}

}  // namespace ekman
