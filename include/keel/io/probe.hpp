#pragma once
/// Proof in a model's file of what the model computes: an input, checksums of what each layer makes of it, the
/// output, and one training step. Whoever loads the file repeats it and learns which layer differs first.
///
///     save(model, "model.safetensors", make_probe(model, x));      // io/load.hpp; also .keras, .onnx
///     const Model copy = load("model.safetensors");                // throws FormatError unless it agrees

#include <algorithm>
#include <cmath>
#include <map>

#include <keel/io/keel/architecture.hpp>
#include <keel/tensor/finite.hpp>
#include <keel/tensor/range.hpp>

namespace keel {
inline namespace KEEL_ABI {

/// Three sums over the values v_i of a tensor: of v_i, of w_i v_i with fixed weights w_i in [0, 1) that tell
/// places apart, and of |v_i|, by which differences of the others are measured.
struct Checksum {
  double sum = 0, weighted = 0, absolute = 0;  ///< the sums above, in double
};

struct ProbeOptions {
  /// Largest difference, relative to the sum of absolute values, that counts as rounding. 0: 1e-5 in float and
  /// 1e-10 in double. For moving statistics and the loss 10 times as much does, for gradients 5000 times: in a
  /// deep network and a small batch, rounding decides where some ReLU or maximum sends its gradient.
  double tolerance = 0;
  /// Whether a training step belongs to it: set false for a model that cannot train on this input.
  bool training = true;
};

/// What `make_probe` found. The training step minimises the mean of (y_i - t_i)^2 over all outputs, with
/// t_i = (i mod 7) / 7 and dropout of seed 0. It is kept as what plain gradient descent adds to each parameter at
/// a rate of 1, the negative gradient, and what the layers add to their buffers.
struct Probe {
  /// Of one tensor.
  struct Measure {
    std::string layer;  ///< its name
    std::string what;   ///< "output", "gradient of kernel", "change of moving_mean"
    Checksum checksum;  ///< of its values
    double noise = 0;   ///< what rounding may change beside the tolerance: a gradient that should be 0 is not
  };
  double tolerance = 0;                         ///< as in ProbeOptions
  bool training = true;                         ///< whether `loss` and `step` are of a training step
  std::vector<Tensor<double>> inputs, outputs;  ///< one for each of the model's
  std::vector<Measure> layers;                  ///< each call of each layer in inference, in the graph's order
  double loss = 0;                              ///< before the step
  std::vector<Measure> step;  ///< buffers in the graph's order, then gradients from the last layer to the first
};

namespace io {

using namespace formats;

template <class T>
Checksum checksum(const TensorView<const T>& values) {
  Checksum c;
  for (Index i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values[i]);
    c.sum += v;
    c.weighted += v * (static_cast<double>(static_cast<std::uint32_t>(i) * 2654435761u) * 0x1p-32);
    c.absolute += std::abs(v);
  }
  return c;
}

template <class To, class From>
Tensor<To> converted(const TensorView<const From>& from) {
  Tensor<To> to = Tensor<To>::uninitialized(from.shape());
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

inline std::string digits(double value) { return detail::text(value, 9); }

/// A file may not make its reader use any amount of memory or time, and so a probe is small: the values of all
/// layers are at most 2^8 for each value of the weights and the input, or 2^22, and never more than 2^26.
template <class T>
void check_probe_size(const Model<T>& model, Inputs<T> x) {
  double given = 0;
  for (const Parameter<T>* parameter : model.parameters()) given += static_cast<double>(parameter->size());
  for (const auto& input : x) given += static_cast<double>(input.size());
  const double most = (std::min)(0x1p26, (std::max)(0x1p22, 0x1p8 * given));
  const double batch = static_cast<double>(x.empty() || x[0].rank() == 0 ? 0 : x[0].shape()[0]);
  double values = 0, work = 0;
  for (const auto& node : model.nodes()) values += batch * static_cast<double>(node.shape.size());
  if (values > most)
    throw ConfigError("probe", "an input for which all layers together give at most " + digits(most) + " values",
                      digits(values), "use fewer samples");
  for (const auto& node : model.nodes()) {
    if (node.layer < 0) continue;
    std::vector<Shape> shapes;
    for (const int input : node.inputs) shapes.push_back(model.nodes()[static_cast<std::size_t>(input)].shape);
    work += batch * static_cast<double>(model.layer(node.layer).multiply_adds(shapes));
  }
  if (const double bound = (std::min)(0x1p36, 0x1p12 * most); work > bound)
    throw ConfigError("probe", "an input that takes at most " + digits(bound) + " multiplications", digits(work),
                      "use fewer samples");
}

/// Runs layer after layer, as written: no folding, no fusing.
template <class T>
void probe_layers(const Model<T>& model, Inputs<T> x, Probe& probe) {
  const auto nodes = model.nodes();
  std::vector<Tensor<T>> values;
  std::map<int, int> calls;
  Scratch scratch;
  std::size_t next_input = 0;
  for (const auto& node : nodes) {
    if (node.layer < 0) {
      values.push_back(converted<T>(x[next_input++]));
      continue;
    }
    std::vector<TensorView<const T>> inputs;
    for (const int input : node.inputs) inputs.push_back(values[static_cast<std::size_t>(input)].view());
    Tensor<T> y = Tensor<T>::uninitialized(node.shape.with_batch(x[0].shape()[0]));
    Scratch::Frame frame(scratch);
    Pass<T> pass{KernelContext{scratch, model.thread_pool()}};
    model.layer(node.layer).forward(inputs, y.view(), pass);
    const int call = ++calls[node.layer];
    probe.layers.push_back({model.layer(node.layer).name(),
                            call == 1 ? "output" : "output of call " + std::to_string(call), checksum<T>(y.view())});
    values.push_back(std::move(y));
  }
}

template <class T>
void probe_step(Model<T> model, Inputs<T> x, Probe& probe) {
  std::vector<Tensor<T>> before;
  for (const Parameter<T>* parameter : model.parameters()) before.push_back(parameter->value());
  Tape<T> tape;
  const auto outputs = model.forward(x, tape);
  Index count = 0;
  for (const auto& y : outputs) count += y.size();
  std::vector<Tensor<T>> gradients;
  for (const auto& y : outputs) {
    gradients.emplace_back(y.shape());
    for (Index i = 0; i < y.size(); ++i) {
      const double error = static_cast<double>(y[i]) - static_cast<double>(i % 7) / 7;
      probe.loss += error * error / static_cast<double>(count);
      gradients.back()[i] = static_cast<T>(2 * error / static_cast<double>(count));
    }
  }
  std::vector<TensorView<const T>> dy;
  for (const Tensor<T>& gradient : gradients) dy.push_back(gradient.view());
  model.backward(Inputs<T>(dy), tape);

  double largest = 0;
  std::size_t p = 0;
  for (Index l = 0; l < model.layer_count(); ++l)
    for (Parameter<T>* parameter : model.layer(l).parameters()) {
      Tensor<T> change = parameter->value();
      change.array() -= before[p].array();
      if (parameter->kind() == ParameterKind::buffer)
        probe.step.push_back(
            {model.layer(l).name(), "change of " + parameter->name(), checksum<T>(change.view()),
             4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * checksum<T>(before[p].view()).absolute});
      if (parameter->trains() && parameter->size() > 0)
        largest = (std::max)(largest,
                             checksum<T>(parameter->gradient.view()).absolute / static_cast<double>(parameter->size()));
      ++p;
    }
  for (Index l = model.layer_count(); l-- > 0;)
    for (Parameter<T>* parameter : model.layer(l).parameters())
      if (parameter->trains())
        probe.step.push_back({model.layer(l).name(), "gradient of " + parameter->name(),
                              checksum<T>(parameter->gradient.view()),
                              100 * probe.tolerance * largest * static_cast<double>(parameter->size())});
}

inline void check_finite_probe(const Probe& probe) {
  for (const auto* list : {&probe.layers, &probe.step})
    for (const Probe::Measure& m : *list)
      if (!is_finite(m.checksum.absolute))
        throw DataError("probe", "finite values", "NaN or infinity: " + m.what + " of " + m.layer);
}

template <class T>
Probe run_probe(const Model<T>& model, Inputs<T> x, const ProbeOptions& options) {
  Probe probe;
  probe.tolerance = options.tolerance > 0 ? options.tolerance : std::is_same_v<T, float> ? 1e-5 : 1e-10;
  probe.training = options.training;
  check_probe_size(model, x);
  for (const Tensor<T>& y : model.predict(x)) probe.outputs.push_back(converted<double>(y.view()));
  for (const auto& input : x) probe.inputs.push_back(converted<double>(input));
  probe_layers(model, x, probe);
  if (options.training) probe_step(model.clone(), x, probe);
  return probe;
}

}  // namespace io

/// Runs the model on a small batch, in inference and for one training step of a copy; the model stays as it is.
/// A weight that the input does not reach (behind a ReLU that is 0) is not proved. Throws ShapeError or DataError
/// if the model does not run, and ConfigError for an input that is too large to be repeated at each load.
template <class T>
Probe make_probe(const Model<T>& model, Inputs<std::type_identity_t<T>> x, const ProbeOptions& options = {}) {
  Probe probe = io::run_probe(model, x, options);
  io::check_finite_probe(probe);
  return probe;
}
/// The same for one input.
template <class T>
Probe make_probe(const Model<T>& model, const TensorView<const std::type_identity_t<T>>& x,
                 const ProbeOptions& options = {}) {
  return make_probe(model, Inputs<T>(&x, 1), options);
}

namespace io {

inline Json to_json(const std::vector<Tensor<double>>& tensors) {
  Json list = Json::array();
  for (const Tensor<double>& tensor : tensors)
    list.push_back(Json::object({{"shape", std::vector<Index>(tensor.shape().begin(), tensor.shape().end())},
                                 {"values", std::vector<double>(tensor.begin(), tensor.end())}}));
  return list;
}
inline Json to_json(const std::vector<Probe::Measure>& measures) {
  Json list = Json::array();
  for (const auto& m : measures)
    list.push_back(Json::array({m.layer, m.what, m.checksum.sum, m.checksum.weighted, m.checksum.absolute, m.noise}));
  return list;
}
inline const Json& list_member(const Json& json, const char* name, const std::string& where) {
  const Json* const found = json.find(name);
  if (!found || !found->is_array()) throw FormatError(where, std::string("a list \"") + name + "\"", "none");
  return *found;
}
inline std::vector<Tensor<double>> probe_tensors(const Json& json, const char* name, const std::string& where) {
  std::vector<Tensor<double>> tensors;
  for (const Json& entry : list_member(json, name, where)) {
    const auto values = member<std::vector<double>>(entry, "values", where);
    std::uint64_t bytes = 0;
    const Shape shape = checked_shape(member<std::vector<std::uint64_t>>(entry, "shape", where), 1, bytes, where);
    if (static_cast<std::size_t>(shape.size()) != values.size())
      throw FormatError(where, std::to_string(shape.size()) + " values for shape " + shape.to_string(),
                        std::to_string(values.size()));
    tensors.push_back(Tensor<double>::uninitialized(shape));
    std::copy(values.begin(), values.end(), tensors.back().begin());
  }
  return tensors;
}
inline std::vector<Probe::Measure> probe_measures(const Json& json, const char* name, const std::string& where) {
  std::vector<Probe::Measure> measures;
  for (const Json& entry : list_member(json, name, where)) {
    bool good = entry.is_array() && entry.size() == 6;
    for (std::size_t i = 0; i < 6 && good; ++i) good = i < 2 ? entry[i].is_string() : entry[i].is_number();
    if (!good) throw FormatError(where, "a layer's name, what is measured, and 4 numbers", shown(entry.dump()));
    const auto number = [&](int i) { return entry[i].get<double>(); };
    measures.push_back({entry[0].text(), entry[1].text(), {number(2), number(3), number(4)}, number(5)});
  }
  return measures;
}

}  // namespace io

/// A probe as JSON text, numbers exact: what a file keeps.
inline std::string to_text(const Probe& probe) {
  return Json::object({{"version", 1},
                       {"tolerance", probe.tolerance},
                       {"training", probe.training},
                       {"inputs", io::to_json(probe.inputs)},
                       {"outputs", io::to_json(probe.outputs)},
                       {"layers", io::to_json(probe.layers)},
                       {"loss", probe.loss},
                       {"step", io::to_json(probe.step)}})
      .dump();
}

/// The probe in a text. Throws FormatError.
inline Probe parse_probe(const std::string& text, const std::string& where) {
  const Json json = parse_json(text, where);
  if (const Index version = io::member<Index>(json, "version", where); version != 1)
    throw FormatError(where, "a probe of version 1", "version " + std::to_string(version),
                      "a newer keel wrote it; load without it: ProbeCheck::skip");
  Probe probe;
  probe.tolerance = io::member<double>(json, "tolerance", where);
  probe.training = io::member<bool>(json, "training", where);
  if (!(probe.tolerance > 0 && probe.tolerance < 1))
    throw FormatError(where, "a tolerance above 0 and below 1", std::to_string(probe.tolerance));
  probe.inputs = io::probe_tensors(json, "inputs", where);
  probe.outputs = io::probe_tensors(json, "outputs", where);
  probe.layers = io::probe_measures(json, "layers", where);
  probe.loss = io::member<double>(json, "loss", where);
  probe.step = io::probe_measures(json, "step", where);
  return probe;
}

namespace io {

/// Names as every format keeps them: Keras has no slash in a layer's name.
inline bool same_layer(std::string a, std::string b) {
  std::replace(a.begin(), a.end(), '/', '_');
  std::replace(b.begin(), b.end(), '/', '_');
  return a == b;
}

/// Throws for the first measure that `now` does not have, or has with other values. Layers that only `now` has,
/// such as the padding that files of Keras have by itself, are no difference.
inline void compare_measures(const std::vector<Probe::Measure>& saved, const std::vector<Probe::Measure>& now,
                             double tolerance, const std::string& where, const char* when, const char* hint) {
  for (const Probe::Measure& m : saved) {
    const auto found = std::find_if(now.begin(), now.end(), [&](const Probe::Measure& candidate) {
      return candidate.what == m.what && same_layer(candidate.layer, m.layer);
    });
    const std::string place = where + ": layer " + shown(m.layer);
    if (found == now.end()) throw FormatError(place, m.what + when, "none in this model");
    const double bound = tolerance * m.checksum.absolute + (std::max)(m.noise, found->noise);
    const auto compare = [&](const char* name, double Checksum::*sum) {
      const double before = m.checksum.*sum, after = found->checksum.*sum;
      if (!(std::abs(after - before) <= bound))
        throw FormatError(place,
                          m.what + when + ", the " + name + " of it " + digits(before) + " to within " + digits(bound),
                          digits(after), hint);
    };
    compare("sum", &Checksum::sum);
    compare("absolute sum", &Checksum::absolute);
    compare("weighted sum", &Checksum::weighted);
  }
}

inline void compare_probes(const Probe& saved, const Probe& now, const std::string& where) {
  const double tolerance = (std::max)(saved.tolerance, now.tolerance);
  compare_measures(saved.layers, now.layers, tolerance, where, " as when the model was saved",
                   "its inputs agree: its weights or its options are not those that were saved");
  for (std::size_t o = 0; o < saved.outputs.size(); ++o) {
    const Tensor<double>& y = saved.outputs[o];
    if (o >= now.outputs.size() || !(now.outputs[o].shape() == y.shape()))
      throw FormatError(where, "output " + std::to_string(o) + " of shape " + y.shape().to_string(),
                        o < now.outputs.size() ? now.outputs[o].shape().to_string() : "none");
    double size = 0;
    for (const double value : y) size = (std::max)(size, std::abs(value));
    for (Index i = 0; i < y.size(); ++i)
      if (!(std::abs(now.outputs[o][i] - y[i]) <= 10 * tolerance * size))
        throw FormatError(where, "element " + std::to_string(i) + " of the output near " + digits(y[i]),
                          digits(now.outputs[o][i]), "every layer by itself agrees");
  }
  if (!saved.training) return;
  const auto changes = std::partition_point(saved.step.begin(), saved.step.end(),
                                            [](const Probe::Measure& m) { return m.what.starts_with("change"); });
  const char* in_step = " in a training step as when the model was saved";
  compare_measures({saved.step.begin(), changes}, now.step, 10 * tolerance, where, in_step,
                   "inference agrees: compare momentum, the moving variance's convention and what is frozen");
  if (!(std::abs(now.loss - saved.loss) <= 10 * tolerance * std::abs(saved.loss)))
    throw FormatError(where, "the loss " + digits(saved.loss) + in_step, digits(now.loss),
                      "inference agrees: compare dropout rates and what is frozen");
  compare_measures({changes, saved.step.end()}, now.step, 5000 * tolerance, where, in_step,
                   "layers behind it agree: compare its options and what is frozen");
}

}  // namespace io

/// Repeats the probe with a model, which stays as it is. Throws FormatError naming the first layer that does not
/// give what it gave then, and by how much, or that the model does not run on the probe's input.
template <class T>
void replay(const Model<T>& model, const Probe& probe, const std::string& where) {
  Probe now;
  try {
    std::vector<Tensor<T>> inputs;
    std::vector<TensorView<const T>> views;
    for (const Tensor<double>& input : probe.inputs) inputs.push_back(io::converted<T>(input.view()));
    for (const Tensor<T>& input : inputs) views.push_back(input.view());
    now = io::run_probe(model, Inputs<T>(views), {.training = probe.training});
  } catch (const Error& error) {
    throw FormatError(where, "a model that runs on the probe's input", error.what(),
                      "the file is damaged, or load without the probe: ProbeCheck::skip");
  }
  io::compare_probes(probe, now, where);
}

KEEL_INSTANCE(Probe make_probe(const Model<float>&, Inputs<float>, const ProbeOptions&))
KEEL_INSTANCE(Probe make_probe(const Model<float>&, const TensorView<const float>&, const ProbeOptions&))
KEEL_INSTANCE(void replay(const Model<float>&, const Probe&, const std::string&))

}  // namespace KEEL_ABI
}  // namespace keel
