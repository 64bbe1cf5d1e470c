// What a profile costs an exchange of 1 ms: the stamps that a rank makes in one, times the measured cost of a stamp,
// and that of the end of the step.
//
// bench_profile STAMPS   stages that begin and end in one exchange, and calls of the component
#include "coupler/profile/profile.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/ratio.hpp"

namespace {

constexpr int k_networks = 4;
constexpr std::int64_t k_repeats = 100000;
constexpr double k_exchange = 1e6, k_target = 0.01;  // nanoseconds; part of it

template <class Work>
double nanoseconds(Work work) {
  const std::int64_t begin = ekman::profile_clock();
  for (std::int64_t i = 0; i < k_repeats; ++i) work(i);
  return static_cast<double>(ekman::profile_clock() - begin) / static_cast<double>(k_repeats);
}

}  // namespace

int main(int argc, char** argv) {
  const double stamps = argc > 1 ? std::atof(argv[1]) : 0.0;
  if (stamps <= 0.0) {
    std::fputs("bench_profile STAMPS: how many stages and calls an exchange has\n", stderr);
    return 2;
  }
  ekman::Profile profile(k_networks, 0);
  profile.begin(1);
  std::vector<double> parts, of_stamp, of_step;
  for (int sample = 0; sample < bench::pairs(); ++sample) {
    of_stamp.push_back(
        nanoseconds([&](std::int64_t) { const ekman::StageTimer timer(&profile, ekman::Stage::pack, 1); }));
    of_step.push_back(nanoseconds([&](std::int64_t step) { profile.end_step(step + 1); }));
    parts.push_back((stamps * of_stamp.back() + of_step.back()) / k_exchange);
  }
  std::printf("# a stamp takes %.0f ns, the end of a step with %d networks %.0f ns; %.1f stamps an exchange\n",
              bench::median_of(of_stamp).median, k_networks, bench::median_of(of_step).median, stamps);
  std::puts(bench::ratio_line("profile_cost", parts, bench::Goal::at_most, k_target).c_str());
  return 0;
}
