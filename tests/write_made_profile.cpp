// Writes made-up runs for tests of `ekman report`: write_made_profile DIRECTORY KIND.
#include <cstdio>
#include <filesystem>

#include "adapters/hdf5/profile_file.hpp"
#include "tests/made_profile.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path directory = argv[1];
  const std::string kind = argv[2];
  ekman::RunProfile run = ekman::made_profile();
  if (kind == "hostile") run = ekman::made_profile("</script><b>air", "<img src=x onerror=alert(1)>\"&\\{{data}}");
  if (kind == "many") run = ekman::made_profile_of_many(3, 5);
  if (kind == "large") {
    run.ranks.clear();
    for (int rank = 0; rank < 300; ++rank) run.ranks.push_back(ekman::made_component_rank(0, rank, 0, 0.00001));
    for (int rank = 0; rank < 2; ++rank) run.ranks.push_back(ekman::made_ml_rank(0, rank, true));
    run.simulated = true;
  }
  if (kind == "overlapping")  // as work tells what it did beside stages within it
    run.ranks[0].events = {
        {0.001, 0.004F, 1, 0, 0}, {0.003, 0.004F, 1, 0, 1}, {0.0035, 0.0005F, 1, 0, 2}, {0.006, 0.0005F, 1, 0, 0}};
  std::filesystem::create_directories(directory);
  ekman::write_profile((directory / ekman::k_profile_file).string(), run);
  return 0;
}
