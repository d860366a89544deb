// A cluster that the tests of a suite share.
#ifndef OCTET_TESTS_E2E_ONE_NODE_H_
#define OCTET_TESTS_E2E_ONE_NODE_H_

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/e2e/cluster.h"

namespace octet::e2e {

/// One node "n1" with 2 CPU slots, and a data set that a small network learns.
class OneNodeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cluster_ = std::make_unique<Cluster>();
    WriteBars(Data(), 512, 128);
    cluster_->StartScheduler();
    cluster_->StartAgent("n1", 2);
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  static std::string Data() { return cluster_->dir() + "/data"; }

  inline static std::unique_ptr<Cluster> cluster_;
};

}  // namespace octet::e2e

#endif  // OCTET_TESTS_E2E_ONE_NODE_H_
