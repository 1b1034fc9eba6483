#pragma once
/// The mean intersection over union.

#include <optional>
#include <vector>

#include <keel/training/metrics/metric.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Keras's name.
struct MeanIoUOptions {
  std::optional<Index> ignore_class{};  ///< positions with this class number do not count
};

/// Mean over the classes that occur, in the targets or in what was said, of those that were right / those in either: a
/// position is of its largest output's class. Keras's OneHotMeanIoU and, of class numbers,
/// MeanIoU(sparse_y_pred=False). NaN
/// before the first batch. Throws DataError for a label that is no class and for NaN in an output.
class MeanIoU : public Metric {
 public:
  explicit MeanIoU(MeanIoUOptions options = {}) : options_(options) {}
  KEEL_REFUSE_OTHER_OPTIONS(MeanIoU)
  std::string name() const override { return "mean_iou"; }
  void reset() override { counts_.clear(); }
  void update(const Rows& y, const Rows& t) override {
    counts_.resize(to_size(y.cols()));
    for (Index i = 0; i < y.rows(); ++i) {
      const Row label = detail::row(t, i);
      if (label.size() == 1 && options_.ignore_class && label[0] == static_cast<double>(*options_.ignore_class))
        continue;
      const Index truth = class_of(label, y.cols()), said = detail::argmax(detail::row(y, i));
      if (said < 0) throw DataError(name(), "numbers", "NaN");
      nth(counts_, truth).either += 1;
      if (said == truth)
        nth(counts_, truth).both += 1;
      else
        nth(counts_, said).either += 1;
    }
  }
  void remember(Memory& memory) override {
    std::vector<double> counts;
    for (const Counts& c : counts_) counts.insert(counts.end(), {c.both, c.either});
    memory("counts", counts);
    counts_.clear();
    for (std::size_t i = 0; i + 1 < counts.size(); i += 2) counts_.push_back({counts[i], counts[i + 1]});
  }
  void merge(Metric& other) override {
    const std::vector<Counts>& more = static_cast<MeanIoU&>(other).counts_;
    if (counts_.empty()) counts_.resize(more.size());
    for (std::size_t c = 0; c < more.size(); ++c) {
      counts_[c].both += more[c].both;
      counts_[c].either += more[c].either;
    }
  }
  double result() const override {
    double sum = 0, classes = 0;
    for (const Counts& c : counts_) {
      if (c.either == 0) continue;
      sum += c.both / c.either;
      ++classes;
    }
    return classes == 0 ? std::nan("") : sum / classes;
  }

 private:
  struct Counts {
    double both = 0, either = 0;
  };
  MeanIoUOptions options_;
  std::vector<Counts> counts_;  // by class
};

}  // namespace KEEL_ABI
}  // namespace keel
