// Writes seeds that would grow old as files: the bytes of plans, and of one message of each kind.
//
//   make_fuzz_seeds FOLDER PLAN...
#include <filesystem>
#include <fstream>

#include "adapters/yaml/plan_from_yaml.hpp"
#include "coupler/session/definitions.hpp"
#include "tests/fuzz/wire.hpp"

namespace {

namespace fs = std::filesystem;
using namespace ekman;

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

std::string bytes_of(const Values& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(std::int64_t)};
}

void write_wire(const fs::path& folder) {
  Values pieces, owned, owned_with_ids;
  write_piece({3, 5, 2, 0}, pieces);
  write_piece({16, 7, 0, 1}, pieces);
  write_owned({3, {9, 2, 1, 0}, {}}, owned);
  write_owned({3, {9, 2, 1, 0}, {70, 71}}, owned_with_ids);
  write_owned({0, {99, 1, 1, 11}, {500}}, owned_with_ids);
  const auto write = [&](const char* name, WireKind kind, const std::string& bytes) {
    write_file(folder / name, wire_input(kind, bytes));
  };
  write("header", WireKind::header, bytes_of({12, 3}));
  write("header_of_the_end", WireKind::header, bytes_of({-1, 0}));
  write("ids", WireKind::ids, bytes_of({1, 4, 9, 9, 1000000000000}));
  write("pieces", WireKind::pieces, bytes_of(pieces));
  write("owned", WireKind::owned, bytes_of(owned));
  write("owned_with_ids", WireKind::owned_with_ids, bytes_of(owned_with_ids));
  write("votes", WireKind::votes, write_votes({{0, 0, 8}, {12, 1, 4}}));
  write("notice", WireKind::notice, bytes_of(to_values({1, 1, 0, 2, 256, 1024})));
  write("definitions", WireKind::definitions,
        write_definitions({{"q", {60, "kg kg-1", "ocean"}}, {"t", {1, "K", ""}}}));
  write("problems", WireKind::problems, write_problems({{"atmosphere", 3, "field \"t\" is not defined"}}));
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path folder = argv[1];
  fs::create_directories(folder / "plan_bytes");
  fs::create_directories(folder / "wire");
  for (int i = 2; i < argc; ++i)
    write_file(folder / "plan_bytes" / fs::path(argv[i]).stem(), serialise(read_plan(argv[i])));
  write_wire(folder / "wire");
  return 0;
}
