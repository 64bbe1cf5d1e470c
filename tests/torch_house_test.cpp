// Warnings about the BLAS under LibTorch, and what is said of the process.
#include <gtest/gtest.h>

#include "adapters/torch/compat.hpp"
#include "adapters/torch/house.hpp"

namespace ekman {
namespace {

BlasFindings openblas(const std::string& core, const char* core_type, bool avx512) {
  BlasFindings found;
  found.sgemm = found.openblas = found.avx2 = true;
  found.core = core;
  found.core_type = core_type;
  found.avx512 = avx512;
  return found;
}

TEST(House, IsSilentWhenKernelsFitTheCpu) {
  EXPECT_TRUE(blas_warnings(openblas("SkylakeX", nullptr, true)).empty());
  EXPECT_TRUE(blas_warnings(openblas("Cooperlake", "", true)).empty());
  EXPECT_TRUE(blas_warnings(openblas("SkylakeX", "SkylakeX", true)).empty());
  EXPECT_TRUE(blas_warnings(openblas("Haswell", "Haswell", false)).empty());
  EXPECT_TRUE(blas_warnings(openblas("Zen", nullptr, false)).empty());
}

TEST(House, WarnsOfAVariableThatHoldsKernelsBelowTheCpu) {
  const auto warnings = blas_warnings(openblas("Haswell", "Haswell", true));

  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("OPENBLAS_CORETYPE=Haswell keeps"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find("set OPENBLAS_CORETYPE=SkylakeX"), std::string::npos) << warnings[0];
}

TEST(House, WarnsOfAnOpenBlasThatDoesNotKnowTheCpu) {
  const auto warnings = blas_warnings(openblas("Prescott", nullptr, false));

  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("does not know this CPU"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find("set OPENBLAS_CORETYPE=Haswell"), std::string::npos) << warnings[0];
}

TEST(House, WarnsOfReferenceBlas) {
  BlasFindings found;
  found.sgemm = true;

  if (at::hasMKL()) {  // LibTorch has a BLAS of its own and does not use this one
    EXPECT_TRUE(blas_warnings(found).empty());
    return;
  }
  ASSERT_EQ(blas_warnings(found).size(), 1u);
  EXPECT_NE(blas_warnings(found)[0].find("apt install libopenblas0-openmp"), std::string::npos);
}

TEST(House, DescribesTheProcess) {
  EXPECT_GE(gpu_count(), 0);
  EXPECT_EQ(libtorch_summary().rfind("LibTorch ", 0), 0u) << libtorch_summary();
}

TEST(House, NamesWhatBitsDependOn) {
  const std::string text = arithmetic_of(-1, 3);

  EXPECT_NE(text.find("LibTorch " + compat::torch_version()), std::string::npos) << text;
  EXPECT_NE(text.find(", 3 threads"), std::string::npos) << text;
  EXPECT_NE(text, arithmetic_of(-1, 1));
}

}  // namespace
}  // namespace ekman
