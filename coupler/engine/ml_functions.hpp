// What libekman asks of libekman_ml, which it loads at run time for networks that run inline: a table of C functions,
// so that the two libraries share no object of C++ and no exception crosses from one to the other. DESIGN.md: "Inline".
#pragma once

#include <cstddef>
#include <cstdint>

namespace ekman {

// Where a function of the table puts a text: `take` is called at most once.
struct TextSink {
  void* to;
  void (*take)(void* to, const char* bytes, std::int64_t size);
};

// Bytes of serialise(plan).
struct PlanBytes {
  const char* bytes;
  std::int64_t size;
};

// A network to be loaded: its number in the plan, the levels of its input and output fields in the order of the rows,
// and where it runs: "cpu" or "cuda:N".
struct InlineRequest {
  PlanBytes plan;
  int network;
  const std::int64_t* in_levels;
  const std::int64_t* out_levels;
  const char* device;
};

// A restart set as its file says it: see RestartHeader. `kinds`: bytes of a value of each partial reduction.
struct InlineSet {
  std::int64_t step;
  std::int64_t points;
  const std::int64_t* kinds;
  std::int64_t num_kinds;
};

// A function returns 0, or an ErrorCode with its sentence in `text`. `network` is what `open` gave. Arrays of a restart
// set are numbered as all_arrays() lists them.
struct MlFunctions {
  const char* version;  // of Ekman; the rest may be read only if it is the caller's
  std::size_t size;     // of this table

  // Reads and checks the plan, says its warnings, makes its output directory; `text`: the plan's bytes.
  int (*read_plan)(const char* path, const TextSink* text);
  // Writes ekman-run.yaml; `nodes` and `lines` have a line for each node, and for each network.
  int (*write_record)(PlanBytes plan, const char* nodes, const char* lines, const TextSink* text);
  // Writes profile.h5 and says where the time went; `profiles`: what unbundle() takes.
  int (*write_profile)(PlanBytes plan, const char* profiles, std::int64_t size, const TextSink* text);
  // GPUs that LibTorch can use on this node.
  int (*gpus)();

  // `text`: a line that says on what it runs, one that says what its bits depend on, then a line for each warning.
  int (*open)(const InlineRequest* request, void** network, const TextSink* text);
  void (*close)(void* network);
  // One tile: tile_samples() rows of the wire kind each, of which `rows` count.
  int (*forward)(void* network, const std::byte* in, std::byte* out, std::int64_t rows, const TextSink* text);

  // A restart set is begun, gets rows [first, first + count) of its arrays, and is ended: its file is then on the disk.
  int (*begin_set)(void* network, const char* label, const InlineSet* set, const TextSink* text);
  int (*write_rows)(void* network, int array, std::int64_t first, std::int64_t count, const std::byte* rows,
                    const TextSink* text);
  int (*end_set)(void* network, const TextSink* text);
  // All networks of the component have ended theirs.
  int (*publish_set)(void* network, const char* label, const TextSink* text);
  // The set of the plan's `resume`, which must fit `points` and the plan. `text`: step, then the kinds, as decimals
  // with blanks between; the file's path behind a line break.
  int (*open_set)(void* network, std::int64_t points, const TextSink* text);
  int (*read_rows)(void* network, int array, std::int64_t first, std::int64_t count, std::byte* rows,
                   const TextSink* text);
};

}  // namespace ekman
