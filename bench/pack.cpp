// Pack and unpack alone, on one core: bytes/s of the wire side, beside memcpy of as many bytes. Google Benchmark.
#include "coupler/exchange/pack.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using ekman::ArrayView;
using ekman::Axes;
using ekman::ColumnView;
using ekman::Real;
using ekman::RowSpan;

constexpr std::int64_t k_columns = 4096, k_levels = 64, k_block = 16;  // k_block: nproma of "plp"

// An array of all columns, with its axes.
template <class T>
struct Field {
  explicit Field(const std::string& axes) : values(k_columns * k_levels, T{1}) {
    if (axes == "p") array = ekman::contiguous_view(values.data(), {k_columns * k_levels});
    if (axes == "pl") array = ekman::contiguous_view(values.data(), {k_columns, k_levels});
    if (axes == "lp") array = ekman::contiguous_view(values.data(), {k_levels, k_columns});
    if (axes == "ppl") array = ekman::contiguous_view(values.data(), {64, k_columns / 64, k_levels});
    if (axes == "plp") array = ekman::contiguous_view(values.data(), {k_block, k_levels, k_columns / k_block});
    view = ekman::make_column_view(array, Axes(axes));
  }
  std::vector<T> values;
  ArrayView array;
  ColumnView view;
};

template <class T, class W>
void pack_one(benchmark::State& state, const std::string& axes, bool there) {
  const Field<T> field(axes);
  std::vector<W> rows(k_columns * k_levels, W{2});
  const RowSpan span{reinterpret_cast<std::byte*>(rows.data()),
                     field.view.levels * static_cast<std::int64_t>(sizeof(W)),
                     sizeof(W) == 4 ? Real::float32 : Real::float64};
  for (auto _ : state) {
    if (there) {
      ekman::pack(field.view, 0, field.view.slots, span);
    } else {
      ekman::unpack(span, field.view, 0, field.view.slots);
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * k_columns * k_levels * static_cast<std::int64_t>(sizeof(W)));
}

// Columns whose rows lie in another order: the ids of neighbours do not follow each other.
template <class T, class W>
void pack_scattered(benchmark::State& state, const std::string& axes, bool there) {
  const Field<T> field(axes);
  std::vector<W> values(k_columns * k_levels, W{2});
  std::vector<std::byte*> rows;
  for (std::int64_t i = 0; i < k_columns; ++i)
    rows.push_back(reinterpret_cast<std::byte*>(values.data() + i * 1229 % k_columns * k_levels));  // 1229 is odd
  const Real wire = sizeof(W) == 4 ? Real::float32 : Real::float64;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < k_columns; i += 64) {
      if (there) {
        ekman::pack(field.view, i, 64, rows.data() + i, wire);
      } else {
        ekman::unpack(rows.data() + i, wire, field.view, i, 64);
      }
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * k_columns * k_levels * static_cast<std::int64_t>(sizeof(W)));
}

template <class T>
void copy(benchmark::State& state) {
  std::vector<T> from(k_columns * k_levels, T{1}), to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), to.size() * sizeof(T));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(to.size() * sizeof(T)));
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::RegisterBenchmark("memcpy/float32", &copy<float>);
  benchmark::RegisterBenchmark("memcpy/float64", &copy<double>);
  for (const char* axes : {"p", "lp", "pl", "ppl", "plp"}) {
    for (const bool there : {true, false}) {
      const std::string what = std::string(there ? "pack/" : "unpack/") + axes;
      benchmark::RegisterBenchmark((what + "/float64_as_float32").c_str(), &pack_one<double, float>, axes, there);
      benchmark::RegisterBenchmark((what + "/float32_as_float32").c_str(), &pack_one<float, float>, axes, there);
      benchmark::RegisterBenchmark((what + "/float64_as_float64").c_str(), &pack_one<double, double>, axes, there);
      if (axes == std::string("p")) continue;
      benchmark::RegisterBenchmark((what + "/float64_as_float32/scattered").c_str(), &pack_scattered<double, float>,
                                   axes, there);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
