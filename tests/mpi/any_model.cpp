// A component whose fields come from the command line, so that any plan can be run; through the C++ interface.
//
// any_model COMPONENT POINTS FIELD=LEVELS... -> FIELD=LEVELS... [adjoints]
//   POINTS  on all ranks together; fields before `->` are put, those after it fetched, for three steps.
//   adjoints  and then back: adjoints of those that were fetched are put, and those of the others fetched.
#include <cmath>
#include <cstdint>
#include <ekman/coupler.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

struct Field {
  std::string name;
  std::int64_t levels;
  std::vector<double> values;  // (points, levels), points fastest

  ekman::ArrayView view() {
    const std::int64_t count = static_cast<std::int64_t>(values.size()) / levels;
    return levels == 1 ? ekman::contiguous_view(values.data(), {count})
                       : ekman::contiguous_view(values.data(), {count, levels});
  }
  void require_finite() const {
    for (const double value : values) {
      if (!std::isfinite(value)) throw ekman::Error(ekman::ErrorCode::network, name + " is not finite");
    }
  }
};

void go_back(ekman::Coupler& coupler, std::vector<Field>& inputs, std::vector<Field>& outputs) {
  for (Field& field : outputs) coupler.put_adjoint(field.name, field.view());
  for (Field& field : inputs) {
    field.values.assign(field.values.size(), std::nan(""));
    coupler.get_adjoint(field.name, field.view());
    field.require_finite();
  }
}

void run(int argc, char** argv) {
  ekman::Coupler coupler(argv[1], MPI_COMM_WORLD);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(coupler.local_comm(), &rank);
  MPI_Comm_size(coupler.local_comm(), &ranks);
  std::vector<std::int64_t> ids;
  for (std::int64_t id = rank; id < std::stoll(argv[2]); id += ranks) ids.push_back(id);
  coupler.def_points(ids);
  std::vector<Field> fields[2];  // put, fetched
  int direction = 0;
  bool adjoints = false;
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "->") {
      direction = 1;
      continue;
    }
    if (word == "adjoints") {
      adjoints = true;
      continue;
    }
    const std::size_t equals = word.find('=');
    Field field{word.substr(0, equals), std::stoll(word.substr(equals + 1)), {}};
    field.values.resize(ids.size() * static_cast<std::size_t>(field.levels), std::nan(""));
    ekman::FieldOptions options;
    options.levels = field.levels;
    coupler.def_field(field.name, options);
    fields[direction].push_back(std::move(field));
  }
  coupler.enddef();
  for (int step = 0; step < 3; ++step) {
    for (Field& field : fields[0]) {
      for (std::size_t i = 0; i < field.values.size(); ++i)
        field.values[i] = 1.0 + 0.5 * std::sin(static_cast<double>(i + step));
      coupler.put(field.name, field.view());
    }
    for (Field& field : fields[1]) {
      const bool is_there = coupler.get(field.name, field.view()) != ekman::Info::none;
      if (is_there || step > 0) field.require_finite();  // with lag nothing is there in the first step
    }
    coupler.advance();
  }
  for (int step = 0; adjoints && step < 3; ++step) go_back(coupler, fields[0], fields[1]);
  coupler.finalize();
  if (rank == 0) std::cout << "three steps, every value finite\n" << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
