// Prometheus families that are made anew by each scrape.
#ifndef OCTET_COMMON_SCRAPED_H_
#define OCTET_COMMON_SCRAPED_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"

namespace octet {

/// A family of gauges or counters, filled and then handed over. So nothing is
/// left in it of what is gone.
class Scraped {
 public:
  Scraped(std::string name, std::string help,
          prometheus::MetricType type = prometheus::MetricType::Gauge)
      : family_{std::move(name), std::move(help), type, {}} {}

  Scraped& Add(const std::map<std::string, std::string>& labels, double value) {
    prometheus::ClientMetric metric;
    for (const auto& [label, text] : labels) metric.label.push_back({label, text});
    metric.gauge.value = metric.counter.value = value;
    family_.metric.push_back(std::move(metric));
    return *this;
  }
  /// Once, after the last Add; a family without a figure is left out.
  void To(std::vector<prometheus::MetricFamily>& families) {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  prometheus::MetricFamily family_;
};

}  // namespace octet

#endif  // OCTET_COMMON_SCRAPED_H_
