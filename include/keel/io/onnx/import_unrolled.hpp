#pragma once
/// Recurrent operators step by step, where keel's layers do not do: with states to begin with, and with the last state of
/// an LSTM's cell as an output.

#include <keel/io/onnx/import_functions.hpp>
#include <keel/io/onnx/import_recurrent.hpp>

#if KEEL_HAS_PROTOBUF

namespace keel {
inline namespace KEEL_ABI {

namespace io::onnx {

/// A recurrent operator as a layer for the input, one for the state that all steps share, and the formulas of ONNX:
///
///     RNN    h = f(W x + R h)
///     GRU    z = g(..), r = g(..), n = f(W x + R (r h)) or f(W x + r (R h)),   h = (1 - z) n + z h
///     LSTM   i = g(..), o = g(..), f = g(..), c = f c + i act(..),   h = o act(c)
template <class T>
class UnrolledCell {
 public:
  UnrolledCell(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, const Imported& x)
      : to_(to), node_(node), cell_(cell), x_(x.node), steps_(to.sample(x)[0]), h_(cell.units), gates_(cell.gates()) {
    if (steps_ > 256) to.refuse(node, "at most 256 steps where states are given or taken", std::to_string(steps_));
  }

  void run() {
    std::vector<std::vector<Node>> all(to_size(steps_));
    std::vector<Node> last, cells;
    for (Index d = 0; d < cell_.directions; ++d) {
      const bool back = cell_.backwards || d == 1;
      begin(d);
      for (Index k = 0; k < steps_; ++k) {
        const Index t = back ? steps_ - 1 - k : k;
        step(t);
        nth(all, t).push_back(state_);
      }
      last.push_back(state_);
      cells.push_back(carry_);
    }
    const Index batch = cell_.steps_first ? 1 : 0;
    const Shape ends{cell_.directions, h_};
    if (to_.used(node_, 1)) set(1, last, ends, batch);
    if (to_.used(node_, 2)) set(2, cells, ends, batch);
    if (!to_.used(node_, 0)) return;
    std::vector<Node> every;
    for (const auto& each : all) every.insert(every.end(), each.begin(), each.end());
    set(0, every, {steps_, cell_.directions, h_}, cell_.steps_first ? 2 : 0);
  }

 private:
  void set(std::size_t output, const std::vector<Node>& parts, const Shape& view, Index batch) {
    const Node whole =
        parts.size() == 1 ? parts[0] : to_.add(node_, Concatenate<T>({.axis = 1}), std::span<const Node>(parts));
    to_.set(node_, Imported{.node = whole, .batch = {.axis = batch}, .view = view}, output);
  }
  Node layer(AnyLayer<T> made, Node x) { return to_.add_helper(node_, std::move(made), x); }
  Node both(AnyLayer<T> made, Node a, Node b) {
    const std::vector<Node> inputs{a, b};
    return to_.add_helper(node_, std::move(made), std::span<const Node>(inputs));
  }
  Node sum(Node a, Node b) { return both(Add<T>(), a, b); }
  Node product(Node a, Node b) { return both(Multiply<T>(), a, b); }
  Node part(Node x, Index gate, Index count = 1) {
    return gates_ == count ? x : layer(Slice<T>({gate * h_}, {(gate + count) * h_}, {.axes = {1}, .steps = {1}}), x);
  }
  Node gate(Node x) { return layer(ActivationLayer<T>(cell_.recurrent_activation), x); }
  Node squashed(Node x) { return layer(ActivationLayer<T>(cell_.activation), x); }

  /// (rows, columns) from a row on as (columns, rows) of keel's.
  FileTensor turned(const FileTensor& all, Index direction, Index from, Index rows, Index columns) {
    FileTensor made = to_.empty(node_, {columns, rows}, false);
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < rows; ++r)
        made.numbers.push_back(nth(all.numbers, ((direction * gates_ * h_ + from + r) * columns) + c));
    return made;
  }
  /// The biases of a direction: of the input and of the state.
  std::vector<double> bias(Index direction, bool state) {
    const Index rows = gates_ * h_;
    std::vector<double> made(to_size(rows), 0.0);
    if (biased_)
      for (Index r = 0; r < rows; ++r)
        nth(made, r) = nth(to_.constant(node_, 3).numbers, (direction * 2 + (state ? 1 : 0)) * rows + r);
    return made;
  }
  /// The state of a direction to begin with.
  Node first_state(std::size_t input, Index d) {
    FileTensor zeros{.dims = {h_}, .numbers = std::vector<double>(to_size(h_), 0.0)};
    if (!to_.has(node_, input)) return constant_node(to_, node_, zeros);
    const Imported& given = to_.found(node_, input);
    const Index batch = cell_.steps_first ? 1 : 0;
    if (given.constant) {
      const std::vector<Index>& dims = given.constant->dims;
      const Index samples = dims.size() == 3 ? nth(dims, batch) : 0;
      if (samples < 1 || nth(dims, 1 - batch) != cell_.directions || dims[2] != h_)
        to_.refuse(node_, "states of " + std::to_string(h_) + " units", "others");
      for (Index n = 0; n < samples; ++n)
        for (Index u = 0; u < h_; ++u) {
          const Index row = batch == 1 ? d * samples + n : n * cell_.directions + d;
          const double number = nth(given.constant->numbers, row * h_ + u);
          if (n > 0 && number != nth(zeros.numbers, u))
            to_.refuse(node_, "a state that is the same for each sample", "others");
          nth(zeros.numbers, u) = number;
        }
      return constant_node(to_, node_, zeros);
    }
    const Imported x = to_.any(node_, input);
    if (x.images || x.batch != BatchPlace{.axis = batch} || to_.sample(x) != Shape{cell_.directions, h_})
      to_.refuse(node_, "states of " + std::to_string(h_) + " units, with the batch as the sequence has it", "others");
    Node row = x.node;
    if (cell_.directions > 1) row = layer(Slice<T>({d}, {d + 1}, {.axes = {1}, .steps = {1}}), row);
    return layer(Flatten<T>(), row);
  }
  void begin(Index d) {
    const FileTensor &kernel = to_.constant(node_, 1), &recurrent = to_.constant(node_, 2);
    const Index rows = gates_ * h_, features = kernel.dims[2];
    apart_ = node_.op == "GRU";
    biased_ = to_.has(node_, 3);
    std::vector<double> input = bias(d, false);
    const std::vector<double> state = bias(d, true);
    const Index joined = apart_ ? 2 * h_ : rows;  // what of both biases is added up
    for (Index r = 0; r < joined; ++r) nth(input, r) += nth(state, r);
    FileTensor own{.dims = {h_}};
    if (apart_) own.numbers.assign(state.begin() + joined, state.end());
    const FileTensor joint{.dims = {rows}, .numbers = std::move(input)};
    inputs_ = to_.add(node_, Dense<T>(rows, {.use_bias = biased_}), x_);
    to_.weigh(node_, "kernel", turned(kernel, d, 0, rows, features));
    if (biased_) to_.weigh(node_, "bias", joint);
    state_ = first_state(5, d);
    carry_ = node_.op == "LSTM" ? first_state(6, d) : Node{};
    shared_ = {};
    shared_candidate_ = {};
    recurrent_ = turned(recurrent, d, 0, joined, h_);
    candidate_ = apart_ ? turned(recurrent, d, joined, h_, h_) : FileTensor{};
    candidate_bias_ = std::move(own);
  }
  Node share(Node first, Node state) {
    return to_.model().share(first, std::span<const Node>(&state, 1), to_.place(node_));
  }
  /// The state's product with its weights, of all steps one layer.
  Node recurrent(Node state) {
    if (shared_.index >= 0) return share(shared_, state);
    shared_ = layer(Dense<T>(recurrent_.dims[1], {.use_bias = false}), state);
    to_.weigh(node_, "kernel", recurrent_);
    return shared_;
  }
  Node candidate(Node state) {
    if (shared_candidate_.index >= 0) return share(shared_candidate_, state);
    shared_candidate_ = layer(Dense<T>(h_, {.use_bias = biased_}), state);
    to_.weigh(node_, "kernel", candidate_);
    if (biased_) to_.weigh(node_, "bias", candidate_bias_);
    return shared_candidate_;
  }
  void step(Index t) {
    const Node seen = layer(Flatten<T>(), layer(Slice<T>({t}, {t + 1}, {.axes = {1}, .steps = {1}}), inputs_));
    const Node held = recurrent(state_);
    if (node_.op == "RNN") {
      state_ = squashed(sum(seen, held));
    } else if (node_.op == "LSTM") {  // i, o, f, c
      const Node z = sum(seen, held);
      const Node in = gate(part(z, 0)), out = gate(part(z, 1)), keep = gate(part(z, 2)), fresh = squashed(part(z, 3));
      carry_ = sum(product(keep, carry_), product(in, fresh));
      state_ = product(out, squashed(carry_));
    } else {  // z, r, h
      const Node both_gates = gate(sum(part(seen, 0, 2), held));
      const auto half = [&](Index i) {
        return layer(Slice<T>({i * h_}, {(i + 1) * h_}, {.axes = {1}, .steps = {1}}), both_gates);
      };
      const Node update = half(0), reset = half(1);
      const Node fresh = cell_.reset_after ? product(reset, candidate(state_)) : candidate(product(reset, state_));
      const Node next = squashed(sum(part(seen, 2), fresh));
      state_ = sum(next, product(update, both(Subtract<T>(), state_, next)));  // (1 - z) n + z h
    }
  }

  OnnxImport<T>& to_;
  const FileNode& node_;
  const FileCell& cell_;
  Node x_;
  Index steps_, h_, gates_;
  bool biased_ = false;
  bool apart_ = false;  ///< the third part of a GRU's state has weights that are applied apart
  Node inputs_ = {}, state_ = {}, carry_ = {}, shared_ = {}, shared_candidate_ = {};
  FileTensor recurrent_ = {}, candidate_ = {}, candidate_bias_ = {};
};

template <class T>
void unroll(OnnxImport<T>& to, const FileNode& node, const FileCell& cell, const Imported& x) {
  UnrolledCell<T>(to, node, cell, x).run();
}

}  // namespace io::onnx

}  // namespace KEEL_ABI
}  // namespace keel

#endif
