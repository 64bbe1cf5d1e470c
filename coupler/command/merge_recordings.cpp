// Implements merge_recordings.hpp.
#include "coupler/command/merge_recordings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "adapters/hdf5/recording_store.hpp"
#include "coupler/command/plan_words.hpp"
#include "coupler/command/recorded_data.hpp"
#include "coupler/command/recording_words.hpp"
#include "coupler/plan/choices.hpp"
#include "ekman/error.hpp"

namespace ekman {

namespace {

using Reader = std::unique_ptr<RecordingReader>;

// What recordings of one network must have in common.
std::string identity_of(const RecordingHeader& header) {
  return fmt::format("network {} of component {}, {}, chunks of {} {}s, {}, step 1 is {} of {} microseconds",
                     header.network, header.component, word_of(header.wire), header.chunk, sample_words(header),
                     fields_words(header), header.clock.name(1), header.clock.timestep);
}

// Where the rows of a chunk in a record are.
struct Source {
  const RecordingReader* reader = nullptr;
  std::int64_t record = 0;
  std::int64_t place = 0;
};

class Merge {
 public:
  // `readers`: those that count come last.
  explicit Merge(const std::vector<Reader>& readers) {
    header_ = readers.front()->header();
    for (const Reader& reader : readers) {
      require_like(*reader, *readers.front());
      require_one_run(*reader, *readers.front());
      add_chunks(*reader);
    }
    make_header();
    for (const Reader& reader : readers) add_records(*reader);
  }

  const RecordingHeader& header() const { return header_; }

  // Returns the records written and those left out.
  std::pair<std::size_t, std::vector<std::int64_t>> write(RecordingWriter& writer) const {
    std::pair<std::size_t, std::vector<std::int64_t>> done{0, {}};
    std::vector<std::byte> rows;
    for (const auto& [step, sources] : sources_) {
      if (std::any_of(sources.begin(), sources.end(), [](const Source& source) { return source.reader == nullptr; })) {
        done.second.push_back(step);
        continue;
      }
      for (std::size_t place = 0; place < sources.size(); ++place) {
        const Source& source = sources[place];
        for (std::size_t field = 0; field < header_.fields.size(); ++field) {
          rows.resize(static_cast<std::size_t>(header_.rows_of(place) * header_.fields[field].levels *
                                               real_size(header_.wire)));
          source.reader->read(source.record, field, source.place, rows.data());
          writer.write(field, place, rows.data());
        }
      }
      writer.end_record(sources.front().reader->records()[sources.front().record]);
      ++done.first;
    }
    return done;
  }

 private:
  struct Chunk {
    std::vector<std::int64_t> ids;
    std::vector<double> longitude, latitude;
    const RecordingReader* from;
  };

  static void require_like(const RecordingReader& reader, const RecordingReader& first) {
    const std::string mine = identity_of(reader.header()), other = identity_of(first.header());
    if (mine != other)
      throw Error(ErrorCode::usage, fmt::format("{} is of {}, {} of {}; merge recordings of one network and plan",
                                                reader.path(), mine, first.path(), other));
  }

  // As `ekman train` tells runs apart.
  static void require_one_run(const RecordingReader& reader, const RecordingReader& first) {
    const auto folder = [](const RecordingReader& of) {
      return std::filesystem::absolute(of.path()).lexically_normal().parent_path();
    };
    if (folder(reader) != folder(first))
      throw Error(ErrorCode::usage, fmt::format("{} and {} are in two folders, so of two runs, which may have the same "
                                                "steps; merge those of one run",
                                                first.path(), reader.path()));
  }

  void add_chunks(const RecordingReader& reader) {
    const RecordingHeader& header = reader.header();
    for (std::size_t place = 0; place < header.chunks.size(); ++place) {
      const std::int64_t first = header.first_row(place), last = first + header.rows_of(place);
      Chunk chunk{{header.ids.begin() + first, header.ids.begin() + last}, {}, {}, &reader};
      if (!header.longitude.empty()) {
        chunk.longitude.assign(header.longitude.begin() + first, header.longitude.begin() + last);
        chunk.latitude.assign(header.latitude.begin() + first, header.latitude.begin() + last);
      }
      const auto [found, is_new] = chunks_.emplace(header.chunks[place], chunk);
      if (!is_new && found->second.ids != chunk.ids)
        throw Error(ErrorCode::usage, fmt::format("chunk {} has other points in {} than in {}; merge recordings of one "
                                                  "component and its points",
                                                  header.chunks[place], reader.path(), found->second.from->path()));
    }
  }

  void make_header() {
    header_.chunks.clear();
    header_.ids.clear();
    header_.longitude.clear();
    header_.latitude.clear();
    std::int64_t next = 0;
    for (const auto& [number, chunk] : chunks_) {
      if (number != next++)
        throw Error(ErrorCode::usage, fmt::format("chunk {} is in none of the files, chunk {} is in {}; give the files "
                                                  "of all ML ranks of the network",
                                                  next - 1, number, chunk.from->path()));
      header_.chunks.push_back(number);
      header_.ids.insert(header_.ids.end(), chunk.ids.begin(), chunk.ids.end());
      header_.longitude.insert(header_.longitude.end(), chunk.longitude.begin(), chunk.longitude.end());
      header_.latitude.insert(header_.latitude.end(), chunk.latitude.begin(), chunk.latitude.end());
    }
    // Given by some runs only.
    if (header_.longitude.size() == header_.ids.size()) return;
    header_.longitude.clear();
    header_.latitude.clear();
  }

  void add_records(const RecordingReader& reader) {
    for (std::size_t record = 0; record < reader.records().size(); ++record) {
      std::vector<Source>& sources = sources_[reader.records()[record].step];
      sources.resize(header_.chunks.size());
      for (std::size_t place = 0; place < reader.header().chunks.size(); ++place)
        sources[reader.header().chunks[place]] = {&reader, static_cast<std::int64_t>(record),
                                                  static_cast<std::int64_t>(place)};
    }
  }

  RecordingHeader header_;
  std::map<std::int64_t, Chunk> chunks_;
  std::map<std::int64_t, std::vector<Source>> sources_;  // by step; by chunk
};

std::vector<Reader> open_all(const std::vector<std::string>& files) {
  const std::unique_ptr<RecordingStore> store = make_hdf5_recording_store();
  std::vector<Reader> readers;
  for (const std::string& file : files) readers.push_back(store->open(file));
  return readers;
}

}  // namespace

void merge_recordings(const std::vector<std::string>& files, const std::string& merged) {
  const std::vector<Reader> readers = open_all(oldest_first(files));
  const Merge merge(readers);
  const auto writer = make_hdf5_recording_store()->create(merged, merge.header());
  const auto [written, left_out] = merge.write(*writer);
  writer->finish();
  if (!left_out.empty())
    std::printf("%s\n", fmt::format("left out: {} that {} not there for all chunks (step {}{})",
                                    counted(left_out.size(), "record"), left_out.size() == 1 ? "is" : "are",
                                    left_out.front(), left_out.size() > 1 ? fmt::format(" to {}", left_out.back()) : "")
                            .c_str());
  std::printf("%s: %s of %s\n", merged.c_str(), counted(written, "record").c_str(),
              counted(files.size(), "file").c_str());
}

}  // namespace ekman
