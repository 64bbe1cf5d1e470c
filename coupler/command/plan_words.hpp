// Parts of a plan in words, as the summary and the drawing of `ekman check` have them, and numbers as all commands do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "coupler/plan/plan.hpp"
#include "coupler/plan/sizes.hpp"

namespace ekman {

std::string counted(std::size_t count, const char* noun);     // "2 files"
std::string bytes_words(std::int64_t bytes);                  // "9.8 MiB"
std::string component_words(const ComponentSpec& component);  // ", step PT10M, 40962 points"; "" if nothing is given
std::string source_words(const NetworkSource& source);        // "TorchScript convection.pt"
std::string exchange_words(const Plan& plan,
                           const NetworkSpec& network);  // "exchange every 3 steps (PT30M), average of inputs"
std::string chunk_words(const RouteSizes& sizes,
                        const NetworkSpec& network);  // "41 chunks of 1024 points, the last of 2"

// "0.4 mse of heating + my_loss of all outputs; area-weighted by cell_area"; with a tape, whose loss it is.
std::string loss_words(const NetworkSpec& network);
// "adamw, lr 0.001, cosine over 10000 steps after 100 of warm-up, every 8 exchanges"
std::string learning_words(const NetworkSpec& network);

// "t, q, dt every 4 exchanges to run/recording.h5; 1.3 MiB each before it is compressed"; "" if nothing is recorded.
std::string record_words(const Plan& plan, const NetworkSpec& network);

}  // namespace ekman
