// What the end of a run says of learning.
#include "coupler/session/learning_summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "ekman/error.hpp"

namespace ekman {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class Summary : public ::testing::Test {
 protected:
  Summary() {
    spec_.name = "rain";
    spec_.training.accumulate = 4;
    spec_.training.patience = 2;
    spec_.training.validation = {0.5, 64, 1};
    spec_.training.checkpoint.directory = "kept";
    report_.made = true;
    report_.weight = 1.0;
  }

  // The next step, with this validation loss, which is the best so far or not.
  StepReport step(double loss, double validation_loss, bool best) {
    ++report_.step;
    report_.loss = loss;
    report_.validation_loss = report_.known_validation_loss = validation_loss;
    report_.best = best;
    return report_;
  }

  NetworkSpec spec_;
  StepReport report_;
};

TEST_F(Summary, TellsStepsLossAndTheBest) {
  LearningSummary summary(spec_, report_);
  EXPECT_EQ(summary.add(step(0.5, 0.3, true)), "");
  EXPECT_EQ(summary.add(step(0.25, 0.2, true)), "");
  EXPECT_EQ(summary.add(step(0.125, 0.4, false)), "");
  EXPECT_EQ(summary.end(),
            "network \"rain\" has made 3 optimizer steps; loss 0.125, validation loss 0.4 (least 0.2, after step 1)");
}

TEST_F(Summary, TellsWhenAndWhyLearningStops) {
  LearningSummary summary(spec_, report_);
  summary.add(step(0.5, 0.3, true));
  summary.add(step(0.5, 0.4, false));
  report_.stopped = true;
  EXPECT_THAT(summary.add(step(0.5, 0.5, false)),
              AllOf(HasSubstr("\"rain\" learns no more: 2 validations"), HasSubstr("0.3 after step 0"),
                    HasSubstr("weights of step 3"), HasSubstr("checkpoint `best`")));
  report_.made = false;
  EXPECT_EQ(summary.add(report_), "") << "once";
}

TEST_F(Summary, CountsStepsThatChangedNothing) {
  LearningSummary summary(spec_, report_);
  summary.add(step(0.5, 0.3, true));
  report_.made = false;
  report_.loss = std::nan("");
  summary.add(report_);
  report_.weight = 0.0;
  summary.add(report_);
  EXPECT_THAT(summary.end(), HasSubstr("; in 1 more a loss or gradient was no number")) << "no weight is not bad";
}

// It looks for its scale, and is no bad one.
TEST_F(Summary, CountsStepsThatWereTooLargeForFloat16) {
  LearningSummary summary(spec_, report_), short_run(spec_, report_);
  report_.made = false;
  report_.overflow = true;
  report_.loss_scale = 512.0;
  for (int i = 0; i < 3; ++i) summary.add(report_), short_run.add(report_);
  EXPECT_THAT(short_run.end(), AllOf(HasSubstr("no optimizer step: in 3 the gradient was too large for float16"),
                                     HasSubstr("512, still has to fall")));
  report_.made = true;
  report_.overflow = false;
  summary.add(step(0.5, 0.3, true));
  EXPECT_THAT(summary.end(), HasSubstr("; in 3 more the gradient was too large for float16 (the loss is now scaled by "
                                       "512)"));
  EXPECT_THAT(summary.end(), testing::Not(HasSubstr("no number")));
}

TEST_F(Summary, WarnsIfNothingWasLearned) {
  const LearningSummary idle(spec_, report_);
  EXPECT_THAT(idle.end(), AllOf(StartsWith("warning: "), HasSubstr("shorter than the 4 exchanges of one")));
  LearningSummary masked(spec_, report_);
  report_.made = false;
  report_.weight = 0.0;
  masked.add(report_);
  EXPECT_THAT(masked.end(), AllOf(StartsWith("warning: "), HasSubstr("no point had a weight")));
  report_.step = 7;
  report_.stopped = true;
  EXPECT_THAT(LearningSummary(spec_, report_).end(), AllOf(StartsWith("warning: "), HasSubstr("stopped at step 7")));
}

TEST_F(Summary, ChecksThatSomePointsAreHeldOutAndSomeNot) {
  EXPECT_EQ(check_held_out(spec_, 10, 100), "");
  EXPECT_THAT(check_held_out(spec_, 0, 100), AllOf(HasSubstr("none of its 100 points"), HasSubstr("smaller `block`")));
  EXPECT_THROW(check_held_out(spec_, 100, 100), Error);
}

}  // namespace
}  // namespace ekman
