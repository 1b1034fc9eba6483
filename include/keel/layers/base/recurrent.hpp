#pragma once
/// One direction of a recurrent layer: forward over all steps and backward through time. SimpleRNN, LSTM and GRU have
/// one of these, Bidirectional two. Longer than other headers of layers, since the three cells share all but their
/// step.

#include <keel/kernels/dense.hpp>
#include <keel/kernels/reduce.hpp>
#include <keel/layers/base/broadcast.hpp>
#include <keel/layers/base/initializers.hpp>
#include <keel/layers/base/layer.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// What a step computes. GRU with the reset gate before or after the recurrent product.
enum class RecurrentCell { simple, lstm, gru_before, gru_after };

/// All that a direction needs to know; the options of the layers have their meaning.
struct RecurrentSpec {
  RecurrentCell cell = RecurrentCell::simple;
  Index units = 1;
  ActivationSpec activation = Activation::tanh;
  ActivationSpec recurrent_activation = Activation::sigmoid;
  bool use_bias = true;
  bool return_sequences = false;
  bool go_backwards = false;
  bool zero_output_for_mask = false;
  bool unit_forget_bias = false;
  double dropout = 0;
  double recurrent_dropout = 0;
  InitializerSpec kernel_initializer = Initializer::glorot_uniform;
  InitializerSpec recurrent_initializer = Initializer::orthogonal;
  InitializerSpec bias_initializer = Initializer::zeros;

  Index gates() const { return cell == RecurrentCell::simple ? 1 : cell == RecurrentCell::lstm ? 4 : 3; }
};

/// What the options of SimpleRNN, LSTM or GRU say.
template <class Options>
RecurrentSpec recurrent_spec(RecurrentCell cell, Index units, const Options& o) {
  RecurrentSpec spec{.cell = cell,
                     .units = units,
                     .activation = o.activation,
                     .use_bias = o.use_bias,
                     .return_sequences = o.return_sequences,
                     .go_backwards = o.go_backwards,
                     .zero_output_for_mask = o.zero_output_for_mask,
                     .dropout = o.dropout,
                     .recurrent_dropout = o.recurrent_dropout,
                     .kernel_initializer = o.kernel_initializer,
                     .recurrent_initializer = o.recurrent_initializer,
                     .bias_initializer = o.bias_initializer};
  if constexpr (requires { o.recurrent_activation; }) spec.recurrent_activation = o.recurrent_activation;
  if constexpr (requires { o.unit_forget_bias; }) spec.unit_forget_bias = o.unit_forget_bias;
  return spec;
}

/// One direction. Formulas stand at the layers; here X is (steps, batch, features) in the order in which the steps are
/// taken, A = X kernel + bias for all steps in one product, h and c the states.
template <class T>
class RecurrentCore {
 public:
  explicit RecurrentCore(RecurrentSpec spec = {}) : spec_(std::move(spec)) {}

  const RecurrentSpec& spec() const { return spec_; }
  Parameter<T>& kernel() { return kernel_; }
  Parameter<T>& recurrent_kernel() { return recurrent_; }
  Parameter<T>& bias() { return bias_; }
  const Parameter<T>& kernel() const { return kernel_; }

  /// `prefix`: of the parameters' names.
  void build(const std::string& prefix, Index features, Rng& rng) {
    const Index u = spec_.units, all = spec_.gates() * u;
    kernel_ = {prefix + "kernel",
               initial_values<T>({features, all}, spec_.kernel_initializer, Fans(features, all), rng)};
    recurrent_ = {prefix + "recurrent_kernel",
                  initial_values<T>({u, all}, spec_.recurrent_initializer, Fans(u, all), rng)};
    if (!spec_.use_bias) return;
    const Shape shape = spec_.cell == RecurrentCell::gru_after ? Shape{2, all} : Shape{all};
    bias_ = {prefix + "bias", initial_values<T>(shape, spec_.bias_initializer, Fans(u, all), rng)};
    if (spec_.unit_forget_bias && !rng.is_none())
      bias_.update([&](TensorView<T> value) { std::fill_n(value.data() + u, u, T(1)); });
  }
  std::vector<Parameter<T>*> parameters() {
    if (spec_.use_bias) return {&kernel_, &recurrent_, &bias_};
    return {&kernel_, &recurrent_};
  }
  Index multiply_adds(Index steps, Index features) const {
    return steps * spec_.gates() * spec_.units * (features + spec_.units);
  }
  /// Tensors that it keeps in a cache, from number `slot` on.
  static constexpr std::size_t slots = 8;

  /// Writes the outputs of all steps in the order in which they are taken, (steps, batch, units), or the last one
  /// alone, (batch, units). `mask` may be null; it is (batch, steps), 0 where a step does not count.
  void forward(const TensorView<const T>& x, const T* mask, T* outputs, Pass<T>& pass, std::size_t slot) const {
    const Index n = x.shape()[0], steps = x.shape()[1], u = spec_.units, all = spec_.gates() * u;
    Run run{n, steps, x.shape()[2], mask};
    Store store(*this, run, pass, slot);
    const T* const input = arranged(x, pass, store.input_mask);
    const T* const bias = spec_.use_bias ? bias_.value().data() : nullptr;
    dense_forward(steps * n, run.features, all, input, kernel_.value().data(), Epilogue<T>{bias, nullptr, {}},
                  store.gates, pass.kernel);
    std::fill_n(store.h, n * u, T(0));
    if (store.c) std::fill_n(store.c, n * u, T(0));
    const Recurrence r = recurrence(pass);
    for (Index s = 0; s < steps; ++s) {
      Scratch::Frame frame(pass.kernel.scratch);
      step(run, store, r, s, pass);
      if (mask) keep_masked(run, store, s);
      if (spec_.return_sequences) write_output(run, store, s, outputs + s * n * u);
    }
    if (!spec_.return_sequences) std::copy_n(store.h + steps * n * u, n * u, outputs);
  }

  /// From the gradients of what forward wrote: adds those of the parameters and writes or adds that of x.
  void backward(const TensorView<const T>& x, const T* mask, const T* d_outputs, const TensorView<T>& dx, bool add_dx,
                Pass<T>& pass, std::size_t slot) {
    const Index n = x.shape()[0], steps = x.shape()[1], u = spec_.units, all = spec_.gates() * u, size = n * u;
    Run run{n, steps, x.shape()[2], mask};
    Scratch& scratch = pass.kernel.scratch;
    Store store(*this, run, pass, slot, true);
    Gradients g;
    g.gates = scratch.template take<T>(steps * n * all);
    g.recurrent = spec_.cell == RecurrentCell::gru_after ? scratch.template take<T>(steps * n * all) : g.gates;
    g.h = scratch.template take<T>(size);
    g.c = scratch.template take<T>(size);
    std::fill_n(g.h, size, T(0));
    std::fill_n(g.c, size, T(0));
    if (!spec_.return_sequences) std::copy_n(d_outputs, size, g.h);
    const Recurrence r = recurrence(pass);
    for (Index s = steps; s-- > 0;) {
      Scratch::Frame frame(scratch);
      if (spec_.return_sequences) add_output_gradient(run, d_outputs + s * size, s, g.h);
      step_backward(run, store, r, g, s, pass);
    }
    parameter_gradients(run, store, g, arranged(x, pass, store.input_mask), pass);
    if (dx.data()) input_gradient(run, store, g.gates, dx, add_dx, pass);
  }

 private:
  struct Run {
    Index batch, steps, features;
    const T* mask;
    Index rows() const { return steps * batch; }
  };
  /// The recurrent weights of GRU with the reset gate before the product, apart: (u, 2u) and (u, u).
  struct Recurrence {
    const T *all = nullptr, *first = nullptr, *last = nullptr;
  };
  struct Gradients {
    T *gates = nullptr, *recurrent = nullptr, *h = nullptr, *c = nullptr;
  };

  /// What forward keeps for backward, in the cache if there is one, else in scratch memory: the gates behind their
  /// activations (steps, batch, gates), h and c (steps + 1, batch, units) with the zeros before the first step, the
  /// activated c of LSTM or the recurrent part of GRU's candidate, what comes before the activations where their
  /// gradients read it, and the dropped parts.
  struct Store {
    T *gates, *h, *c = nullptr, *extra = nullptr, *before = nullptr, *input_mask = nullptr, *state_mask = nullptr;

    Store(const RecurrentCore& core, const Run& run, Pass<T>& pass, std::size_t slot, bool kept = false) {
      const RecurrentSpec& spec = core.spec_;
      const Index n = run.batch, u = spec.units, all = spec.gates() * u;
      const auto take = [&](std::size_t i, Index size) {
        return pass.cache ? pass.cache->tensor(slot + i, Shape{size}).data()
                          : pass.kernel.scratch.template take<T>(size);
      };
      gates = take(0, run.rows() * all);
      h = take(1, (run.steps + 1) * n * u);
      if (spec.cell == RecurrentCell::lstm) c = take(2, (run.steps + 1) * n * u);
      if (spec.cell != RecurrentCell::simple) extra = take(3, run.rows() * u);
      if (pass.cache && (activation_needs_input(spec.activation) || activation_needs_input(spec.recurrent_activation)))
        before = take(4, run.rows() * all);
      if (!pass.training) return;
      const auto mask = [&](std::size_t i, double rate, Index size) -> T* {
        if (rate == 0) return nullptr;
        T* const values = take(i, size);
        if (kept) return values;
        for (T& value : std::span<T>(values, to_size(size)))
          value = pass.rng.uniform() < rate ? T(0) : static_cast<T>(1 / (1 - rate));
        return values;
      };
      input_mask = mask(5, spec.dropout, n * run.features);
      state_mask = mask(6, spec.recurrent_dropout, n * u);
    }
  };

  /// x as (steps, batch, features), in the order in which the steps are taken, times the mask of dropout.
  const T* arranged(const TensorView<const T>& x, Pass<T>& pass, const T* dropped) const {
    const Index n = x.shape()[0], steps = x.shape()[1], d = x.shape()[2];
    T* const to = pass.kernel.scratch.template take<T>(x.size());
    for (Index s = 0; s < steps; ++s)
      for (Index b = 0; b < n; ++b) {
        const T* const from = x.data() + (b * steps + time(s, steps)) * d;
        T* const row = to + (s * n + b) * d;
        if (dropped)
          stretch(row, d) = stretch(from, d) * stretch(dropped + b * d, d);
        else
          std::copy_n(from, d, row);
      }
    return to;
  }
  Index time(Index step, Index steps) const { return spec_.go_backwards ? steps - 1 - step : step; }
  bool masked(const Run& run, Index b, Index s) const {
    return run.mask && run.mask[b * run.steps + time(s, run.steps)] == T(0);
  }
  Recurrence recurrence(Pass<T>& pass) const {
    const T* const all = recurrent_.value().data();
    if (spec_.cell != RecurrentCell::gru_before) return {all};
    const Index u = spec_.units;
    T* const first = pass.kernel.scratch.template take<T>(u * 2 * u);
    T* const last = pass.kernel.scratch.template take<T>(u * u);
    for (Index i = 0; i < u; ++i) {
      std::copy_n(all + i * 3 * u, 2 * u, first + i * 2 * u);
      std::copy_n(all + i * 3 * u + 2 * u, u, last + i * u);
    }
    return {all, first, last};
  }
  /// h of the step before, with dropout.
  const T* state(const Run& run, const Store& store, Index s, Pass<T>& pass) const {
    const Index size = run.batch * spec_.units;
    const T* const h = store.h + s * size;
    if (!store.state_mask) return h;
    T* const dropped = pass.kernel.scratch.template take<T>(size);
    stretch(dropped, size) = stretch(h, size) * stretch(store.state_mask, size);
    return dropped;
  }

  /// Applies an activation to columns [first, first + count) of n rows of that width.
  void activate(const ActivationSpec& spec, Index n, Index width, Index first, Index count, T* z, Pass<T>& pass) const {
    if (spec.kind == Activation::linear) return;
    for (Index b = 0; b < n; ++b) {
      T* const row = z + b * width + first;
      activation_forward(spec, 1, count, row, row, pass.kernel);
    }
  }
  /// dz = dy activation'(z), in place in `dy`, for such columns.
  void activate_backward(const ActivationSpec& spec, Index n, Index width, Index first, Index count, const T* before,
                         const T* y, T* dy, Pass<T>& pass) const {
    if (spec.kind == Activation::linear) return;
    for (Index b = 0; b < n; ++b) {
      const Index at = b * width + first;
      activation_backward(spec, 1, count, before ? before + at : nullptr, y + at, dy + at, dy + at, pass.kernel);
    }
  }
  /// Columns of the gates that the activation, and those that the recurrent activation is for.
  struct Columns {
    Index first, count;
  };

  // Forward, one step.

  void step(const Run& run, const Store& store, const Recurrence& r, Index s, Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, all = spec_.gates() * u, size = n * u;
    T* const z = store.gates + s * n * all;
    const T* const h = state(run, store, s, pass);
    switch (spec_.cell) {
      case RecurrentCell::simple:
      case RecurrentCell::lstm: dense_forward(n, u, all, h, r.all, Epilogue<T>{nullptr, z, {}}, z, pass.kernel); break;
      case RecurrentCell::gru_before: add_product(n, u, 2 * u, all, h, r.first, z, pass); break;
      case RecurrentCell::gru_after: {
        T* const inner = pass.kernel.scratch.template take<T>(n * all);
        const T* const bias = spec_.use_bias ? bias_.value().data() + all : nullptr;
        dense_forward(n, u, all, h, r.all, Epilogue<T>{bias, nullptr, {}}, inner, pass.kernel);
        for (Index b = 0; b < n; ++b) {
          stretch(z + b * all, 2 * u) += stretch(inner + b * all, 2 * u);
          std::copy_n(inner + b * all + 2 * u, u, store.extra + s * size + b * u);
        }
        break;
      }
    }
    finish_step(run, store, r, s, h, pass);
  }
  /// z[:, 0:columns] += h weights, z being `width` wide.
  void add_product(Index n, Index in, Index columns, Index width, const T* h, const T* weights, T* z,
                   Pass<T>& pass) const {
    T* const product = pass.kernel.scratch.template take<T>(n * columns);
    dense_forward(n, in, columns, h, weights, Epilogue<T>{}, product, pass.kernel);
    for (Index b = 0; b < n; ++b) stretch(z + b * width, columns) += stretch(product + b * columns, columns);
  }
  void finish_step(const Run& run, const Store& store, const Recurrence& r, Index s, const T* h, Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, all = spec_.gates() * u, size = n * u;
    T *const z = store.gates + s * n * all, *const next = store.h + (s + 1) * size;
    const auto keep = [&](Columns columns) {
      if (!store.before) return;
      for (Index b = 0; b < n; ++b)
        std::copy_n(z + b * all + columns.first, columns.count, store.before + s * n * all + b * all + columns.first);
    };
    const auto run_activation = [&](const ActivationSpec& spec, Columns columns) {
      keep(columns);
      activate(spec, n, all, columns.first, columns.count, z, pass);
    };
    if (spec_.cell == RecurrentCell::simple) {
      run_activation(spec_.activation, {0, u});
      std::copy_n(z, size, next);
      return;
    }
    run_activation(spec_.recurrent_activation, {0, 2 * u});
    if (spec_.cell == RecurrentCell::lstm) {
      run_activation(spec_.activation, {2 * u, u});
      run_activation(spec_.recurrent_activation, {3 * u, u});
      return finish_lstm(run, store, s, pass);
    }
    if (spec_.cell == RecurrentCell::gru_before) {
      T* const reset = pass.kernel.scratch.template take<T>(size);
      for (Index b = 0; b < n; ++b) stretch(reset + b * u, u) = stretch(z + b * all + u, u) * stretch(h + b * u, u);
      add_product(n, u, u, all, reset, r.last, z + 2 * u, pass);
    } else {
      for (Index b = 0; b < n; ++b)
        stretch(z + b * all + 2 * u, u) += stretch(z + b * all + u, u) * stretch(store.extra + s * size + b * u, u);
    }
    run_activation(spec_.activation, {2 * u, u});
    const T* const before = store.h + s * size;
    for (Index b = 0; b < n; ++b) {
      const T *const update = z + b * all, *const candidate = update + 2 * u;
      for (Index j = 0; j < u; ++j)  // a loop, as in finish_lstm
        next[b * u + j] = update[j] * before[b * u + j] + (T(1) - update[j]) * candidate[j];
    }
  }
  /// c' = f c + i g and h' = o activation(c').
  void finish_lstm(const Run& run, const Store& store, Index s, Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, size = n * u;
    const T *const z = store.gates + s * 4 * size, *const c = store.c + s * size;
    T *const next = store.c + (s + 1) * size, *const active = store.extra + s * size;
    for (Index b = 0; b < n; ++b) {
      const T* const row = z + b * 4 * u;
      for (Index j = 0; j < u; ++j)  // a loop: lanes and tails of Eigen's may be fused otherwise
        next[b * u + j] = row[u + j] * c[b * u + j] + row[j] * row[2 * u + j];
    }
    activation_forward(spec_.activation, n, u, next, active, pass.kernel);
    for (Index b = 0; b < n; ++b)
      stretch(store.h + (s + 1) * size + b * u, u) = stretch(z + b * 4 * u + 3 * u, u) * stretch(active + b * u, u);
  }
  /// Steps that do not count keep the states.
  void keep_masked(const Run& run, const Store& store, Index s) const {
    const Index u = spec_.units, size = run.batch * u;
    for (Index b = 0; b < run.batch; ++b) {
      if (!masked(run, b, s)) continue;
      for (T* const states : {store.h, store.c})
        if (states) std::copy_n(states + s * size + b * u, u, states + (s + 1) * size + b * u);
    }
  }
  void write_output(const Run& run, const Store& store, Index s, T* to) const {
    const Index u = spec_.units, size = run.batch * u;
    std::copy_n(store.h + (s + 1) * size, size, to);
    if (!spec_.zero_output_for_mask) return;
    for (Index b = 0; b < run.batch; ++b)
      if (masked(run, b, s)) std::fill_n(to + b * u, u, T(0));
  }

  // Backward, one step.

  void add_output_gradient(const Run& run, const T* from, Index s, T* dh) const {
    const Index u = spec_.units;
    for (Index b = 0; b < run.batch; ++b)
      if (!(spec_.zero_output_for_mask && masked(run, b, s))) stretch(dh + b * u, u) += stretch(from + b * u, u);
  }
  /// From g.h and g.c behind the step to those before it, and the gradients of the step's gates.
  void step_backward(const Run& run, const Store& store, const Recurrence& r, const Gradients& g, Index s,
                     Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, all = spec_.gates() * u, size = n * u;
    Scratch& scratch = pass.kernel.scratch;
    T *const dz = g.gates + s * n * all, *const direct = scratch.template take<T>(size);
    T *const passed_h = scratch.template take<T>(size), *const passed_c = scratch.template take<T>(size);
    std::copy_n(g.h, size, passed_h);
    std::copy_n(g.c, size, passed_c);
    std::fill_n(direct, size, T(0));                    // of h, past the recurrent product
    T* const dropped = scratch.template take<T>(size);  // of h as the product reads it
    if (spec_.cell == RecurrentCell::simple) {
      std::copy_n(g.h, size, dz);
      activate_backward(spec_.activation, n, u, 0, u, before(store, s, n * all), store.gates + s * size, dz, pass);
    } else if (spec_.cell == RecurrentCell::lstm) {
      lstm_backward(run, store, g, s, dz, pass);
    } else {
      gru_backward(run, store, r, g, s, direct, dropped, pass);
    }
    if (run.mask) clear_masked(run, g, s);
    if (spec_.cell != RecurrentCell::gru_before)
      dense_backward_input(n, u, all, g.recurrent + s * n * all, r.all, dropped, pass.kernel);
    if (store.state_mask) stretch(dropped, size) *= stretch(store.state_mask, size);
    stretch(g.h, size) = stretch(direct, size) + stretch(dropped, size);
    for (Index b = 0; run.mask && b < n; ++b) {
      if (!masked(run, b, s)) continue;
      std::copy_n(passed_h + b * u, u, g.h + b * u);
      std::copy_n(passed_c + b * u, u, g.c + b * u);
    }
  }
  const T* before(const Store& store, Index s, Index width) const {
    return store.before ? store.before + s * width : nullptr;
  }
  void clear_masked(const Run& run, const Gradients& g, Index s) const {
    const Index all = spec_.gates() * spec_.units;
    for (Index b = 0; b < run.batch; ++b)
      if (masked(run, b, s)) {
        std::fill_n(g.gates + (s * run.batch + b) * all, all, T(0));
        std::fill_n(g.recurrent + (s * run.batch + b) * all, all, T(0));
      }
  }
  void lstm_backward(const Run& run, const Store& store, const Gradients& g, Index s, T* dz, Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, size = n * u;
    const T *const z = store.gates + s * 4 * size, *const active = store.extra + s * size;
    T* const dc = pass.kernel.scratch.template take<T>(size);
    for (Index b = 0; b < n; ++b) stretch(dc + b * u, u) = stretch(g.h + b * u, u) * stretch(z + b * 4 * u + 3 * u, u);
    activation_backward(spec_.activation, n, u, store.c + (s + 1) * size, active, dc, dc, pass.kernel);
    stretch(dc, size) += stretch(g.c, size);
    for (Index b = 0; b < n; ++b) {
      const T* const row = z + b * 4 * u;
      T* const to = dz + b * 4 * u;
      const Stretch<const T> each = stretch<const T>(dc + b * u, u);
      stretch(to, u) = each * stretch(row + 2 * u, u);
      stretch(to + u, u) = each * stretch(store.c + s * size + b * u, u);
      stretch(to + 2 * u, u) = each * stretch(row, u);
      stretch(to + 3 * u, u) = stretch(g.h + b * u, u) * stretch(active + b * u, u);
      stretch(g.c + b * u, u) = each * stretch(row + u, u);
    }
    const T* const kept = before(store, s, 4 * size);
    activate_backward(spec_.recurrent_activation, n, 4 * u, 0, 2 * u, kept, z, dz, pass);
    activate_backward(spec_.activation, n, 4 * u, 2 * u, u, kept, z, dz, pass);
    activate_backward(spec_.recurrent_activation, n, 4 * u, 3 * u, u, kept, z, dz, pass);
  }
  /// `direct` is dL/dh past the product, `dropped` that of h as the product before the reset gate reads it.
  void gru_backward(const Run& run, const Store& store, const Recurrence& r, const Gradients& g, Index s, T* direct,
                    T* dropped, Pass<T>& pass) const {
    const Index n = run.batch, u = spec_.units, all = 3 * u, size = n * u;
    const bool after = spec_.cell == RecurrentCell::gru_after;
    const T *const z = store.gates + s * n * all, *const h = store.h + s * size;
    T *const dz = g.gates + s * n * all, *const inner = g.recurrent + s * n * all;
    for (Index b = 0; b < n; ++b) {
      const Stretch<const T> update = stretch<const T>(z + b * all, u),
                             candidate = stretch<const T>(z + b * all + 2 * u, u);
      const Stretch<const T> dh = stretch<const T>(g.h + b * u, u);
      stretch(dz + b * all, u) = dh * (stretch(h + b * u, u) - candidate);
      stretch(dz + b * all + 2 * u, u) = dh * (T(1) - update);
      stretch(direct + b * u, u) = dh * update;
    }
    const T* const kept = before(store, s, n * all);
    activate_backward(spec_.activation, n, all, 2 * u, u, kept, z, dz, pass);
    const T* const read = state(run, store, s, pass);
    T* const last = pass.kernel.scratch.template take<T>(size);  // dL/d candidate, then of the reset state
    if (!after) {
      for (Index b = 0; b < n; ++b) std::copy_n(dz + b * all + 2 * u, u, dropped + b * u);
      dense_backward_input(n, u, u, dropped, r.last, last, pass.kernel);
    }
    for (Index b = 0; b < n; ++b) {
      const Stretch<const T> reset = stretch(z + b * all + u, u);
      Stretch<T> dr = stretch(dz + b * all + u, u), candidate = stretch(dz + b * all + 2 * u, u);
      if (after) {
        dr = candidate * stretch(store.extra + s * size + b * u, u);
        stretch(inner + b * all + 2 * u, u) = candidate * reset;
      } else {
        dr = stretch(last + b * u, u) * stretch(read + b * u, u);
        stretch(dropped + b * u, u) = stretch(last + b * u, u) * reset;
      }
    }
    activate_backward(spec_.recurrent_activation, n, all, 0, 2 * u, kept, z, dz, pass);
    if (after) {
      for (Index b = 0; b < n; ++b) std::copy_n(dz + b * all, 2 * u, inner + b * all);
      return;
    }
    T* const gates = pass.kernel.scratch.template take<T>(2 * size);
    for (Index b = 0; b < n; ++b) std::copy_n(dz + b * all, 2 * u, gates + b * 2 * u);
    dense_backward_input(n, u, 2 * u, gates, r.first, last, pass.kernel);
    stretch(dropped, size) += stretch(last, size);
  }

  // Backward, all steps.

  void parameter_gradients(const Run& run, const Store& store, const Gradients& g, const T* x, Pass<T>& pass) {
    const Index n = run.batch, rows = run.rows(), u = spec_.units, all = spec_.gates() * u;
    const bool add = pass.asked.accumulate;
    if (kernel_.trains())
      dense_backward_kernel(rows, run.features, all, x, g.gates, kernel_.gradient.data(), add, pass.kernel);
    if (spec_.use_bias && bias_.trains()) {
      column_sums(rows, all, g.gates, bias_.gradient.data(), add, pass.kernel);
      if (spec_.cell == RecurrentCell::gru_after)
        column_sums(rows, all, g.recurrent, bias_.gradient.data() + all, add, pass.kernel);
    }
    if (!recurrent_.trains()) return;
    const T* h = store.h;
    if (store.state_mask) {
      T* const dropped = pass.kernel.scratch.template take<T>(rows * u);
      for (Index s = 0; s < run.steps; ++s)
        stretch(dropped + s * n * u, n * u) = stretch(store.h + s * n * u, n * u) * stretch(store.state_mask, n * u);
      h = dropped;
    }
    if (spec_.cell != RecurrentCell::gru_before)
      return dense_backward_kernel(rows, u, all, h, g.recurrent, recurrent_.gradient.data(), add, pass.kernel);
    // the gates' columns meet h, the candidate's r h
    Scratch& scratch = pass.kernel.scratch;
    T *const gates = scratch.template take<T>(rows * 2 * u), *const candidate = scratch.template take<T>(rows * u);
    T* const reset = scratch.template take<T>(rows * u);
    for (Index i = 0; i < rows; ++i) {
      std::copy_n(g.gates + i * all, 2 * u, gates + i * 2 * u);
      std::copy_n(g.gates + i * all + 2 * u, u, candidate + i * u);
      stretch(reset + i * u, u) = stretch(store.gates + i * all + u, u) * stretch(h + i * u, u);
    }
    T *const first = scratch.template take<T>(u * 2 * u), *const last = scratch.template take<T>(u * u);
    dense_backward_kernel(rows, u, 2 * u, h, gates, first, false, pass.kernel);
    dense_backward_kernel(rows, u, u, reset, candidate, last, false, pass.kernel);
    for (Index i = 0; i < u; ++i) {
      Stretch<T> to = stretch(recurrent_.gradient.data() + i * all, all);
      if (!add) to = T(0);
      to.head(2 * u) += stretch(first + i * 2 * u, 2 * u);
      to.tail(u) += stretch(last + i * u, u);
    }
  }
  void input_gradient(const Run& run, const Store& store, const T* dz, const TensorView<T>& dx, bool add,
                      Pass<T>& pass) const {
    const Index n = run.batch, d = run.features;
    T* const from = pass.kernel.scratch.template take<T>(run.rows() * d);
    dense_backward_input(run.rows(), d, spec_.gates() * spec_.units, dz, kernel_.value().data(), from, pass.kernel);
    for (Index s = 0; s < run.steps; ++s)
      for (Index b = 0; b < n; ++b) {
        Stretch<T> row = stretch(from + (s * n + b) * d, d);
        if (store.input_mask) row *= stretch(store.input_mask + b * d, d);
        Stretch<T> to = stretch(dx.data() + (b * run.steps + time(s, run.steps)) * d, d);
        if (add)
          to += row;
        else
          to = row;
      }
  }

  RecurrentSpec spec_;
  Parameter<T> kernel_, recurrent_, bias_;
};

KEEL_INSTANCE(class RecurrentCore<float>)

}  // namespace KEEL_ABI
}  // namespace keel
