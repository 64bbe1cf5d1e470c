#include "coupler/simulation/stand_in.hpp"

#include <map>
#include <numeric>
#include <vector>

#include "coupler/base/simulation.hpp"
#include "ekman/coupler.hpp"

namespace ekman {

void play(const SimulationOptions& options, const Plan& plan, const Role& role) {
  const ComponentSpec& spec = *find_component(plan, role.component);
  Coupler coupler(role.component, MPI_COMM_WORLD);
  const std::int64_t first = spec.points * role.rank / role.ranks, end = spec.points * (role.rank + 1) / role.ranks;
  std::vector<std::int64_t> ids(static_cast<std::size_t>(end - first));
  std::iota(ids.begin(), ids.end(), first);
  coupler.def_points(ids);
  std::map<std::string, std::vector<float>> arrays;
  for (const auto& [name, field] : spec.fields) {
    FieldOptions how;
    how.levels = field.levels;
    how.units = field.units;
    coupler.def_field(name, how);
    arrays[name].assign(ids.size() * static_cast<std::size_t>(field.levels), 1.0F);
  }
  coupler.enddef();
  const auto time = options.step_time.find(role.component);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    if (time != options.step_time.end()) pass_simulated_time(time->second, true);
    const auto view = [&](const std::string& name) {
      const std::int64_t levels = spec.fields.at(name).levels;
      const auto points = static_cast<std::int64_t>(ids.size());
      return levels > 1 ? contiguous_view(arrays[name].data(), {points, levels}) : contiguous_view(arrays[name].data(), {points});
    };
    for (const NetworkSpec& network : plan.networks) {
      if (network.component != role.component) continue;
      for (const std::string& name : fields_of(network.inputs)) coupler.put(name, view(name));
    }
    for (const NetworkSpec& network : plan.networks) {
      if (network.component != role.component) continue;
      for (const std::string& name : fields_of(network.outputs)) coupler.get(name, view(name));
    }
    coupler.advance();
  }
  coupler.finalize();
}

}  // namespace ekman
