#pragma once
/// What ConvLSTM1D, ConvLSTM2D and ConvLSTM3D share: all but the number of axes. Longer than other headers, since these
/// three have nothing of their own.

#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/output_activation.hpp>
#include <keel/layers/base/volume_convolution.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Options of a layer whose windows have extents of that type.
template <class Extents, class Around>
struct ConvLSTMOptions {
  /// From one window over the input to the next, in cells; default 1. The state's windows move by one.
  Extents strides = 1;
  /// What surrounds the input: valid, nothing (default), same, or zeros in numbers. The state is padded as `same`.
  Around padding = Padding::valid;
  /// Distance of a window's cells in the input; default 1.
  Extents dilation_rate = 1;
  /// Of the candidate and of the state's output; default tanh.
  ActivationSpec activation = Activation::tanh;
  /// Of the gates; default sigmoid. Keras 2: hard_sigmoid_keras2.
  ActivationSpec recurrent_activation = Activation::sigmoid;
  /// Whether numbers are added; default true.
  bool use_bias = true;
  /// The kernel's first values; default glorot_uniform.
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  /// Those of the kernel that meets the state; default orthogonal.
  InitializerSpec recurrent_initializer = Initializer::orthogonal;
  /// The bias's first values; default zeros.
  InitializerSpec bias_initializer = Initializer::zeros;
  /// Begin with 1 in the bias of the forget gate; default true.
  bool unit_forget_bias = true;
  /// Give the states of all steps, not the last one; default false.
  bool return_sequences = false;
  /// Take the steps from the last to the first, and give them in that order; default false.
  bool go_backwards = false;
  /// In the model; by default made from the class.
  std::string name = {};

  /// All but the extents, which ConvLSTM reads and writes for any number of axes.
  template <class F>
  void fields(F&& f) {
    f("activation", activation);
    f("recurrent_activation", recurrent_activation);
    f("use_bias", use_bias);
    f("kernel_initializer", kernel_initializer);
    f("recurrent_initializer", recurrent_initializer);
    f("bias_initializer", bias_initializer);
    f("unit_forget_bias", unit_forget_bias);
    f("return_sequences", return_sequences);
    f("go_backwards", go_backwards);
  }
};

/// A long short-term memory whose products are convolutions (Shi et al. 2015): with
/// z = conv(x, kernel) + conv(h, recurrent_kernel) + bias in four parts i, f, g, o of the channels,
///
///     c' = s(f) c + s(i) a(g)      h' = s(o) a(c')      from h = c = 0 on
///
/// where s is the recurrent activation and a the activation. The input's convolution has the options' strides, padding
/// and dilation, the state's has none of them and keeps its extents.
///
/// Input (batch, steps, ..., channels) with one, two or three axes between, output (batch, ..., filters), that of the
/// last step, or with `return_sequences` (batch, steps, ..., filters). Parameters: kernel (window, channels,
/// 4 filters), recurrent_kernel (window, filters, 4 filters), bias (4 filters). Throws ConfigError for numbers out of
/// range, ShapeError for an input of another rank or number of channels, without steps, or smaller than the window.
///
/// Keras: ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, without dropout. PyTorch: none.
template <class T>
class ConvLSTM : public Layer<T> {
 public:
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& recurrent_kernel() { return recurrent_; }
  Parameter<T>& bias() { return bias_; }

  Config config() const override {
    Config config{{"filters", filters_}};
    write_extents(config, "kernel_size", kernel_size_);
    write_extents(config, "strides", spec_.strides);
    write_padding(config);
    write_extents(config, "dilation_rate", spec_.dilation_rate);
    return with_options(std::move(config), spec_);
  }
  Shape output_shape(Shapes inputs) const override {
    const Shape& in = this->single_input(inputs);
    if (in.rank() != axes_ + 2)
      throw ShapeError(this->who(), "an input of rank " + std::to_string(axes_ + 2) + " beside the batch",
                       "rank " + std::to_string(in.rank()) + ", shape " + in.to_string(),
                       "sequences of maps are (steps, ..., channels)");
    if (in[0] < 1 || in.back() < 1) throw ShapeError(this->who(), "at least one step and channel", in.to_string());
    if (kernel_.size() > 0 && in.back() != kernel_.shape()[-2])
      throw ShapeError(this->who(), "channels that fit the kernel " + kernel_.shape().to_string(), in.to_string());
    const Shape state = state_volume(volume(in.sample()));
    const Shape map(state.dims().last(to_size(axes_ + 1)));
    return spec_.return_sequences ? map.with_batch(in[0]) : map;
  }
  void build(Shapes inputs, Rng& rng) override {
    const Index cells = kernel_size_.depth * kernel_size_.height * kernel_size_.width, all = 4 * filters_;
    const auto kernel = [&](const char* name, Index channels, const InitializerSpec& initializer) -> Parameter<T> {
      const std::array<Index, 5> dims{kernel_size_.depth, kernel_size_.height, kernel_size_.width, channels, all};
      return {name, initial_values<T>(Shape(std::span(dims).last(to_size(axes_ + 2))), initializer,
                                      Fans(cells * channels, cells * all), rng)};
    };
    kernel_ = kernel("kernel", inputs[0].back(), spec_.kernel_initializer);
    recurrent_ = kernel("recurrent_kernel", filters_, spec_.recurrent_initializer);
    if (!spec_.use_bias) return;
    bias_ = {"bias", initial_values<T>({all}, spec_.bias_initializer, Fans(cells * filters_, cells * all), rng)};
    if (spec_.unit_forget_bias && !rng.is_none())
      bias_.update([&](TensorView<T> bias) { std::fill_n(bias.data() + filters_, filters_, T(1)); });
  }
  std::vector<Parameter<T>*> parameters() override {
    if (spec_.use_bias) return {&kernel_, &recurrent_, &bias_};
    return {&kernel_, &recurrent_};
  }
  Index multiply_adds(Shapes inputs) const override {
    const Shape state = state_volume(volume(inputs[0].sample()));
    const Index cells = kernel_size_.depth * kernel_size_.height * kernel_size_.width;
    return inputs[0][0] * state.size() * 4 * cells * (inputs[0].back() + filters_);
  }

  void forward(Inputs<T> x, TensorView<T> y, Pass<T>& pass) const override {
    Scratch::Frame frame(pass.kernel.scratch);
    const Run run(*this, x[0].shape());
    const Store store(*this, run, pass);
    const T* const bias = spec_.use_bias ? bias_.value().data() : nullptr;
    run.input.forward(arranged(run, x[0], pass), kernel_.value().data(), {bias, nullptr, {}}, store.gates, pass);
    std::fill_n(store.h, run.size, T(0));
    std::fill_n(store.c, run.size, T(0));
    T* const product = pass.kernel.scratch.template take<T>(4 * run.size);
    for (Index s = 0; s < run.steps; ++s) {
      T *const z = store.gates + s * 4 * run.size, *const h = store.h + s * run.size;
      if (s > 0) {  // before, the state is 0
        run.state.forward(h, recurrent_.value().data(), {}, product, pass);
        for (Index i = 0; i < 4 * run.size; ++i) z[i] += product[i];
      }
      step(run, store, s, pass);
      if (spec_.return_sequences)
        for (Index n = 0; n < run.batch; ++n)
          std::copy_n(h + run.size + n * run.sample, run.sample, y.data() + (n * run.steps + s) * run.sample);
    }
    if (!spec_.return_sequences) std::copy_n(store.h + run.steps * run.size, run.size, y.data());
  }
  void backward(Inputs<T> x, TensorView<const T>, TensorView<const T> dy, Outputs<T> dx, Pass<T>& pass) override {
    Scratch& scratch = pass.kernel.scratch;
    Scratch::Frame frame(scratch);
    const Run run(*this, x[0].shape());
    const Store store(*this, run, pass);
    T *const d_gates = scratch.template take<T>(run.steps * 4 * run.size),
             *const dh = scratch.template take<T>(run.size), *const dc = scratch.template take<T>(run.size);
    std::fill_n(dc, run.size, T(0));
    std::fill_n(dh, run.size, T(0));
    if (!spec_.return_sequences) std::copy_n(dy.data(), run.size, dh);
    for (Index s = run.steps; s-- > 0;) {
      for (Index n = 0; spec_.return_sequences && n < run.batch; ++n) {
        const T* const from = dy.data() + (n * run.steps + s) * run.sample;
        for (Index i = 0; i < run.sample; ++i) dh[n * run.sample + i] += from[i];
      }
      T* const dz = d_gates + s * 4 * run.size;
      step_backward(run, store, s, dh, dc, dz, pass);
      if (s == 0) break;
      if (recurrent_.trains())
        run.state.backward_kernel(store.h + s * run.size, dz, recurrent_.gradient.data(), true, pass);
      run.state.backward_input(dz, recurrent_.value().data(), dh, pass);
    }
    const Index rows = run.steps * run.size / filters_;
    if (kernel_.trains())
      run.input.backward_kernel(arranged(run, x[0], pass), d_gates, kernel_.gradient.data(), true, pass);
    if (spec_.use_bias && bias_.trains())
      column_sums(rows, 4 * filters_, d_gates, bias_.gradient.data(), true, pass.kernel);
    if (!dx[0].data()) return;
    T* const d_all = scratch.template take<T>(x[0].size());
    run.input.backward_input(d_gates, kernel_.value().data(), d_all, pass);
    for_each_step(
        run, [&](Index there, Index here, Index count) { std::copy_n(d_all + here, count, dx[0].data() + there); });
  }

 protected:
  using Spec = ConvLSTMOptions<Triple, Padding3D>;  ///< the options, of volumes

  /// Of maps of that many axes, as volumes whose axes in front have one place. Throws ConfigError for numbers out of
  /// range, in the name of `type`.
  [[gnu::cold]] ConvLSTM(const std::string& type, Index axes, Index filters, const Triple& kernel_size, Spec spec)
      : Layer<T>(spec.name), axes_(axes), filters_(filters), kernel_size_(kernel_size), spec_(std::move(spec)) {
    check(type);
  }
  /// The same from a saved configuration.
  [[gnu::cold]] ConvLSTM(const std::string& type, Index axes, const Config& config)
      : Layer<T>(read_name(config)),
        axes_(axes),
        filters_(config.get<Index>("filters", 0)),
        kernel_size_(read_extents(config, "kernel_size", 0)) {
    spec_.strides = read_extents(config, "strides", 1);
    spec_.padding = read_padding(config);
    spec_.dilation_rate = read_extents(config, "dilation_rate", 1);
    spec_.fields(ConfigReader{config});
    check(type);
  }
  /// The options `o` with other extents.
  template <class Options>
  static Spec with_extents(const Options& o, Triple strides, Padding3D padding, Triple dilation_rate) {
    return {.strides = strides,
            .padding = padding,
            .dilation_rate = dilation_rate,
            .activation = o.activation,
            .recurrent_activation = o.recurrent_activation,
            .use_bias = o.use_bias,
            .kernel_initializer = o.kernel_initializer,
            .recurrent_initializer = o.recurrent_initializer,
            .bias_initializer = o.bias_initializer,
            .unit_forget_bias = o.unit_forget_bias,
            .return_sequences = o.return_sequences,
            .go_backwards = o.go_backwards,
            .name = o.name};
  }

 private:
  using Convolution = VolumeConvolution<T>;

  /// Extents of a run: its convolutions, and how many values the states of a sample and of the batch have.
  struct Run {
    Index batch, steps, in;  ///< `in`: values of one step of a sample
    Index sample, size;
    Convolution input, state;

    Run(const ConvLSTM& layer, const Shape& x) : Run(layer, x, layer.volume(x.sample().sample())) {}
    Run(const ConvLSTM& layer, const Shape& x, const Shape& step) : Run(layer, x, step, layer.state_volume(step)) {}
    [[gnu::cold]] Run(const ConvLSTM& layer, const Shape& x, const Shape& step, const Shape& each)
        : batch(x[0]),
          steps(x[1]),
          in(step.size()),
          sample(each.size()),
          size(batch * sample),
          input(layer.convolution(batch * steps, step, each, layer.spec_.strides, layer.spec_.dilation_rate,
                                  layer.spec_.padding)),
          state(layer.convolution(batch, each, each, 1, 1, Padding::Mode::same)) {}
  };
  /// What forward keeps for backward, in the cache if there is one, else in scratch memory: the gates behind their
  /// activations (steps, batch, ..., 4 filters), h and c (steps + 1, batch, ..., filters) with the zeros before the
  /// first step, the activated c, and the gates before their activations where the gradients read those.
  struct Store {
    T *gates, *h, *c, *active, *before = nullptr;

    [[gnu::cold]] Store(const ConvLSTM& layer, const Run& run, Pass<T>& pass) {
      const auto take = [&](std::size_t i, Index size) {
        return pass.cache ? pass.cache->tensor(i, Shape{size}).data() : pass.kernel.scratch.template take<T>(size);
      };
      gates = take(0, run.steps * 4 * run.size);
      h = take(1, (run.steps + 1) * run.size);
      c = take(2, (run.steps + 1) * run.size);
      active = take(3, run.steps * run.size);
      const Spec& spec = layer.spec_;
      if (pass.cache && (activation_needs_input(spec.activation) || activation_needs_input(spec.recurrent_activation)))
        before = take(4, run.steps * 4 * run.size);
    }
  };

  [[gnu::cold]] void check(const std::string& type) {
    if (axes_ < 3) spec_.padding.front = spec_.padding.back = 0;
    if (axes_ < 2) spec_.padding.slice.top = spec_.padding.slice.bottom = 0;
    const std::string who = detail::who(this->name(), type);
    check_option(who, "filters", filters_, 1, Index{1} << 20);
    check_option(who, "kernel_size", kernel_size_);
    check_option(who, "strides", spec_.strides);
    check_option(who, "dilation_rate", spec_.dilation_rate);
    check_option(who, spec_.padding);
  }
  /// One number for all axes, or one for each.
  [[gnu::cold]] Triple read_extents(const Config& config, const char* name, Index otherwise) const {
    const auto list = config.get<std::vector<Index>>(name, {otherwise});
    if (list.size() != 1 && count_of(list) != axes_) refuse_count(name, axes_, list);
    std::array<Index, 3> each{1, 1, 1};
    for (Index i = 0; i < axes_; ++i) nth(each, 3 - axes_ + i) = list[list.size() == 1 ? 0 : to_size(i)];
    return {each[0], each[1], each[2]};
  }
  [[gnu::cold]] void write_extents(Config& config, const char* name, const Triple& t) const {
    const std::array<Index, 3> all{t.depth, t.height, t.width};
    if (axes_ == 1) return config.set(name, t.width);
    config.set(name, std::vector<Index>(all.end() - axes_, all.end()));
  }
  /// A mode, one number for all sides, or those in front and behind along each axis.
  [[gnu::cold]] Padding3D read_padding(const Config& config) const {
    const Config::Value* const entry = config.find("padding");
    const auto* const list = entry ? std::get_if<std::vector<Index>>(entry) : nullptr;
    Padding all = Padding::valid;
    if (!list) {
      read_option(config, "padding", all);
      return all;
    }
    if (count_of(*list) != 2 * axes_) refuse_count("padding", 2 * axes_, *list);
    std::array<Index, 6> p{};
    std::copy(list->begin(), list->end(), p.end() - 2 * axes_);
    return {p[0], p[1], Padding(p[2], p[3], p[4], p[5])};
  }
  [[gnu::cold]] void write_padding(Config& config) const {
    const Padding3D& p = spec_.padding;
    if (!p.fixed()) return write_option(config, "padding", p.slice);
    const std::array<Index, 6> all{p.front, p.back, p.slice.top, p.slice.bottom, p.slice.left, p.slice.right};
    config.set("padding", std::vector<Index>(all.end() - 2 * axes_, all.end()));
  }
  [[noreturn, gnu::cold]] void refuse_count(const char* name, Index count, const std::vector<Index>& list) const {
    throw ConfigError(std::string("option ") + name, std::to_string(count) + " integers",
                      std::to_string(list.size()) + " integers");
  }
  /// A step of a sample as a volume.
  [[gnu::cold]] Shape volume(const Shape& step) const {
    std::array<Index, 4> dims{1, 1, 1, 1};
    std::copy(step.begin(), step.end(), dims.end() - step.rank());
    return Shape(std::span<const Index>(dims));
  }
  /// Its state.
  [[gnu::cold]] Shape state_volume(const Shape& step) const {
    const auto [d, h, w] = sweeps(*this, step, kernel_size_, spec_.strides, spec_.dilation_rate, spec_.padding);
    return {d.out, h.out, w.out, filters_};
  }
  [[gnu::cold]] Convolution convolution(Index batch, const Shape& x, const Shape& state, const Triple& strides,
                                        const Triple& dilation, const Padding3D& padding) const {
    return {batch,
            x,
            with_last(state, 4 * filters_),
            sweeps(*this, x, kernel_size_, strides, dilation, padding),
            kernel_size_,
            strides,
            dilation,
            1};
  }
  /// body(place in x, place among the steps as they are taken, count) for each step of each sample.
  template <class F>
  void for_each_step(const Run& run, F&& body) const {
    for (Index n = 0; n < run.batch; ++n)
      for (Index s = 0; s < run.steps; ++s)
        body((n * run.steps + (spec_.go_backwards ? run.steps - 1 - s : s)) * run.in, (s * run.batch + n) * run.in,
             run.in);
  }
  /// x as (steps, batch, ...), in the order in which the steps are taken.
  const T* arranged(const Run& run, const TensorView<const T>& x, Pass<T>& pass) const {
    T* const to = pass.kernel.scratch.template take<T>(x.size());
    for_each_step(run, [&](Index there, Index here, Index count) { std::copy_n(x.data() + there, count, to + here); });
    return to;
  }

  /// body(activation, place, count) for the gates of one row: i and f, g, o.
  template <class F>
  void for_each_gate(Index row, F&& body) const {
    const Index f = filters_;
    body(spec_.recurrent_activation, row * 4 * f, 2 * f);
    body(spec_.activation, row * 4 * f + 2 * f, f);
    body(spec_.recurrent_activation, row * 4 * f + 3 * f, f);
  }
  void step(const Run& run, const Store& store, Index s, Pass<T>& pass) const {
    const Index f = filters_, rows = run.size / f;
    T* const z = store.gates + s * 4 * run.size;
    if (store.before) std::copy_n(z, 4 * run.size, store.before + s * 4 * run.size);
    const T* const c = store.c + s * run.size;
    T *const next = store.c + (s + 1) * run.size, *const active = store.active + s * run.size,
             *const h = store.h + (s + 1) * run.size;
    for (Index row = 0; row < rows; ++row) {
      for_each_gate(row, [&](const ActivationSpec& spec, Index at, Index count) {
        if (spec.kind != Activation::linear) activation_forward(spec, 1, count, z + at, z + at, pass.kernel);
      });
      const T* const gate = z + row * 4 * f;
      for (Index j = 0; j < f; ++j) next[row * f + j] = gate[f + j] * c[row * f + j] + gate[j] * gate[2 * f + j];
    }
    activation_forward(spec_.activation, rows, f, next, active, pass.kernel);
    for (Index row = 0; row < rows; ++row)
      for (Index j = 0; j < f; ++j) h[row * f + j] = z[row * 4 * f + 3 * f + j] * active[row * f + j];
  }
  /// Writes the gradients of the step's gates before their activations, and changes dc to that before the step.
  void step_backward(const Run& run, const Store& store, Index s, const T* dh, T* dc, T* dz, Pass<T>& pass) const {
    const Index f = filters_, rows = run.size / f;
    Scratch::Frame frame(pass.kernel.scratch);
    const T *const z = store.gates + s * 4 * run.size, *const c = store.c + s * run.size;
    const T* const active = store.active + s * run.size;
    T* const d_active = pass.kernel.scratch.template take<T>(run.size);
    for (Index row = 0; row < rows; ++row)
      for (Index j = 0; j < f; ++j) d_active[row * f + j] = dh[row * f + j] * z[row * 4 * f + 3 * f + j];
    activation_backward(spec_.activation, rows, f, c + run.size, active, d_active, d_active, pass.kernel);
    for (Index row = 0; row < rows; ++row) {
      const T* const gate = z + row * 4 * f;
      T* const to = dz + row * 4 * f;
      for (Index j = 0; j < f; ++j) {
        const Index i = row * f + j;
        const T each = dc[i] + d_active[i];
        to[j] = each * gate[2 * f + j];
        to[f + j] = each * c[i];
        to[2 * f + j] = each * gate[j];
        to[3 * f + j] = dh[i] * active[i];
        dc[i] = each * gate[f + j];
      }
      for_each_gate(row, [&](const ActivationSpec& spec, Index at, Index count) {
        if (spec.kind == Activation::linear) return;
        const T* const before = store.before ? store.before + s * 4 * run.size + at : nullptr;
        activation_backward(spec, 1, count, before, z + at, dz + at, dz + at, pass.kernel);
      });
    }
  }

  Index axes_, filters_;
  Triple kernel_size_;
  Spec spec_;
  Parameter<T> kernel_, recurrent_, bias_;
};

KEEL_INSTANCE(class ConvLSTM<float>)

}  // namespace KEEL_ABI
}  // namespace keel
