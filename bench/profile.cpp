// Where the time of a network goes, kernel by kernel:
//
//     profile NETWORK [infer|train] [BATCH]
//
// Each line: the layer (with what is fused into it), the median of its time, its share of the measured FMA peak by the
// arithmetic of a direct computation (above 1 is Winograd's method), and of the measured speed of reading memory by the
// values that it reads and writes at least. The floor is the sum, over all layers, of the longer of both limits; a layer
// whose values are in a cache may be below it. Training counts forward and backward, which has twice the arithmetic.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <ctime>
#include <vector>

#include <keel/training/losses/losses.hpp>
#include <keel/training/optimizers/optimizers.hpp>

#include "networks.hpp"
#include "peak.hpp"

using namespace keel;

namespace {

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// What a layer took in the present pass and in each one before.
struct Times {
  double forward = 0, backward = 0;
  std::vector<double> all_forward, all_backward;

  void end_pass() {
    all_forward.push_back(std::exchange(forward, 0));
    all_backward.push_back(std::exchange(backward, 0));
  }
};
double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + count_of(values) / 2, values.end());
  return nth(values, count_of(values) / 2);
}

/// Adds the time of its life.
struct Clock {
  double& sum;
  double start = seconds();
  explicit Clock(double& to) : sum(to) {}
  ~Clock() { sum += seconds() - start; }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
};

class TimedOp final : public InferenceOp<float> {
 public:
  TimedOp(std::unique_ptr<InferenceOp<float>> op, Times& times) : op_(std::move(op)), times_(times) {}
  void run(Inputs<float> x, TensorView<float> y, const KernelContext& context) const override {
    const Clock clock(times_.forward);
    op_->run(x, y, context);
  }
  Fusible fuses() const override { return op_->fuses(); }
  void fuse_affine(std::span<const float> scale, std::span<const float> shift) override {
    op_->fuse_affine(scale, shift);
  }
  void fuse_residual() override { op_->fuse_residual(); }
  void fuse_activation(ActivationSpec activation) override { op_->fuse_activation(activation); }

 private:
  std::unique_ptr<InferenceOp<float>> op_;
  Times& times_;
};

/// A layer with a clock.
class Timed final : public Layer<float>, public InferenceForm<float> {
 public:
  Timed(AnyLayer<float> layer, Times& times) : Layer<float>(layer->name()), layer_(std::move(layer)), times_(&times) {}

  std::string type() const override { return layer_->type(); }
  Shape output_shape(Shapes inputs) const override { return layer_->output_shape(inputs); }
  void build(Shapes inputs, Rng& rng) override { layer_->build(inputs, rng); }
  std::vector<Parameter<float>*> parameters() override { return layer_->parameters(); }
  Index multiply_adds(Shapes inputs) const override { return layer_->multiply_adds(inputs); }
  void forward(Inputs<float> x, TensorView<float> y, Pass<float>& pass) const override {
    const Clock clock(times_->forward);
    layer_->forward(x, y, pass);
  }
  void finish_forward(Pass<float>& pass) override {
    const Clock clock(times_->forward);
    layer_->finish_forward(pass);
  }
  void backward(Inputs<float> x, TensorView<const float> y, TensorView<const float> dy, Outputs<float> dx,
                Pass<float>& pass) override {
    const Clock clock(times_->backward);
    layer_->backward(x, y, dy, dx, pass);
  }
  std::vector<Counter*> counters() override { return layer_->counters(); }
  Acceleration<float> acceleration() const override {
    Acceleration<float> offered = layer_->acceleration();
    if (offered.inference) offered.inference = this;
    return offered;
  }
  std::unique_ptr<InferenceOp<float>> inference_op(Shapes inputs) const override {
    auto op = layer_->acceleration().inference->inference_op(inputs);
    return op ? std::make_unique<TimedOp>(std::move(op), *times_) : nullptr;
  }
  void channel_affine(std::vector<float>& scale, std::vector<float>& shift) const override {
    layer_->acceleration().inference->channel_affine(scale, shift);
  }

 private:
  AnyLayer<float> layer_;
  Times* times_;
};

/// The same network with a clock at each node.
Model<float> timed(const Model<float>& model, std::deque<Times>& times) {
  Model<float> copy(model.options());
  std::vector<Node> nodes;
  for (const NodeInfo& node : model.nodes()) {
    times.emplace_back();
    if (node.layer < 0) {
      nodes.push_back(copy.input(node.shape));
      continue;
    }
    std::vector<Node> inputs;
    for (const int input : node.inputs) inputs.push_back(nth(nodes, input));
    nodes.push_back(copy.add(Timed(model.any_layer(node.layer), times.back()), inputs));
  }
  for (const int output : model.outputs()) copy.output(nth(nodes, output));
  return copy;
}

/// Bytes a second that one thread reads from memory, best of a few.
double read_bandwidth() {
  const AlignedVector<float> values(to_size(Index{16} << 20), 1.0f);
  double best = 0;
  for (int i = 0; i < 8; ++i) {
    const double start = seconds();
    float sum = 0;
    KEEL_SIMD_CALL(simd_level(), read_all<float>)(count_of(values), values.data(), &sum);
    best = (std::max)(best, static_cast<double>(values.size() * sizeof(float)) / (seconds() - start));
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const bool training = argc > 2 && std::strcmp(argv[2], "train") == 0;
  if (argc < 2 || argc > 4 || (argc > 2 && !training && std::strcmp(argv[2], "infer") != 0)) {
    std::fprintf(stderr, "usage: profile NETWORK [infer|train] [BATCH]\n");
    return 2;
  }
  const Index batch = argc > 3 ? std::atoi(argv[3]) : training ? 8 : 1;
  std::deque<Times> times;
  const Model<float> plain = networks::make<float>(argv[1], 1, !training);
  Model<float> model = timed(plain, times);
  Tensor<float> x(model.input_shape().with_batch(batch)), y(model.output_shape().with_batch(batch)), dy,
      labels({batch});
  Rng rng(3, 1);
  for (float& value : x) value = static_cast<float>(rng.normal());
  for (float& label : labels) label = static_cast<float>(rng.below(to_size(y.shape().back())));
  const LossSpec loss{Loss::sparse_categorical_crossentropy, {.from_logits = true}};
  Optimizer<float> optimizer(Adam({.learning_rate = 1e-3}));
  Tape<float> tape;
  double update = 0;
  const auto pass = [&] {
    if (!training) return model.predict(x, y);
    loss.value_and_gradient(model.forward(x, tape), labels, dy);
    model.backward(dy, tape);
    const Clock clock(update);
    optimizer.step(model.parameters(), nullptr);
  };
  const double peak = peak_flops(), bandwidth = read_bandwidth();
  pass();
  for (Times& t : times) t = {};
  std::vector<double> whole, updates;
  for (const double begin = seconds(); seconds() - begin < 2 || whole.size() < 5;) {
    const double start = seconds();
    pass();
    whole.push_back(seconds() - start);
    updates.push_back(std::exchange(update, 0));
    for (Times& t : times) t.end_pass();
  }

  std::printf("%s %s b=%lld, one thread, %s: peak %.1f GFLOP/s, reading %.1f GB/s\n", argv[1],
              training ? "train" : "infer", static_cast<long long>(batch), cpu_info().to_string().c_str(), peak * 1e-9,
              bandwidth * 1e-9);
  std::printf("%-24s %-18s %10s %8s %8s %8s\n", "layer", "output", "us", "% time", "of peak", "of read");
  double sum = 0, floor = 0;
  const double total = median(whole);
  for (std::size_t n = 0; n < times.size(); ++n) {
    const NodeInfo& node = plain.nodes()[n];
    const double took = median(times[n].all_forward) + median(times[n].all_backward);
    if (node.layer < 0 || took == 0) continue;
    const Layer<float>& layer = plain.layer(node.layer);
    std::vector<Shape> inputs;
    for (const int input : node.inputs) inputs.push_back(nth(plain.nodes(), input).shape);
    Index weights = 0, values = node.shape.size();
    for (const Parameter<float>* parameter : layer.parameters()) weights += parameter->size();
    for (const Shape& shape : inputs) values += shape.size();
    const double work = training ? 3 : 1;
    const double flops = work * 2 * static_cast<double>(layer.multiply_adds(inputs) * batch);
    const double bytes = work * 4 * static_cast<double>(values * batch + weights);
    std::printf("%-24s %-18s %10.1f %8.1f %8.2f %8.2f\n", node.name.c_str(), node.shape.to_string().c_str(), took * 1e6,
                100 * took / total, flops / peak / took, bytes / bandwidth / took);
    sum += took;
    floor += (std::max)(flops / peak, bytes / bandwidth);
  }
  if (training) {
    const double took = median(updates);
    std::printf("%-24s %-18s %10.1f %8.1f\n", "optimizer", "", took * 1e6, 100 * took / total);
    sum += took;
  }
  std::printf("layers %.1f us of %.1f; floor %.1f, %.2f times that\n", sum * 1e6, total * 1e6, floor * 1e6,
              total / floor);
}
