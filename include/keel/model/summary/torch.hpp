#pragma once
/// A summary as torchsummary 1.5.1 and torchinfo 1.8.0 print that of the modules which PyTorch has for the layers
/// (dialects/torch.hpp). Sources: torchsummary.py; torchinfo.py, layer_info.py, model_statistics.py and formatting.py.

#include <keel/dialects/torch.hpp>
#include <keel/model/summary/columns.hpp>
#include <keel/model/summary/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A call of a module: what keel keeps in one layer may be several there.
struct TorchCall {
  std::string type;
  std::vector<Index> shape;  ///< of what it gives, without the batch, channels first
  bool repeated = false;     ///< the module was called before
  Index parameters = 0, trainable = 0;
  bool weight_trains = false;  ///< torchsummary looks at the parameter `weight` alone

  Index values() const { return product(shape); }
  static Index product(const std::vector<Index>& extents) {
    Index product = 1;
    for (const Index extent : extents) product *= extent;
    return product;
  }
};

/// Without the batch, channels first.
inline std::vector<Index> torch_extents(const Shape& shape) {
  std::vector<Index> extents(shape.begin(), shape.end());
  if (extents.size() > 1) std::rotate(extents.begin(), extents.end() - 1, extents.end());
  return extents;
}

/// Counts the parameters of one module. What keel's layer lacks and PyTorch's holds all the same beside another one
/// (BatchNorm with a scale alone) is as large as that, and trains with it.
inline void count_parameters(TorchCall& call, const dialects::TorchModule& module, const dialects::TorchRow& torch,
                             const SummaryRow& row) {
  Index lacking = 0, size = 0;
  for (const dialects::Weight& weight : module.weights) {
    const auto held = std::find_if(row.weights.begin(), row.weights.end(),
                                   [&](const SummaryWeight& w) { return w.name == weight.keel; });
    if (held == row.weights.end()) {
      for (const dialects::TorchConstant& constant : torch.constants) lacking += constant.weight == weight.keel;
      continue;
    }
    if (held->buffer) continue;
    size = held->size;
    call.parameters += size;
    call.trainable += held->frozen ? 0 : size;
    call.weight_trains = call.weight_trains || (weight.name == "weight" && !held->frozen);
  }
  call.parameters += lacking * size;
  if (call.trainable == 0) return;
  call.trainable += lacking * size;
  call.weight_trains = call.weight_trains || lacking > 0;
}

/// The calls of a row's modules, none where PyTorch has a function. A class of the user's own is one.
inline void add_torch_calls(const SummaryRow& row, std::vector<TorchCall>& calls) {
  const dialects::TorchRow* torch = dialects::torch_row(row.type);
  if (!torch) {
    calls.push_back({.type = row.type,
                     .shape = torch_extents(row.output),
                     .repeated = row.repeated,
                     .parameters = row.parameters(),
                     .trainable = row.trainable,
                     .weight_trains = row.frozen == 0});
    return;
  }
  const dialects::TorchBuilder builder(*torch, {row.name, row.config, row.from, row.output});
  for (const dialects::TorchModule& module : builder.modules()) {
    if (module.function) continue;
    TorchCall call{.type = module.class_name, .shape = torch_extents(module.output), .repeated = row.repeated};
    count_parameters(call, module, *torch, row);
    calls.push_back(std::move(call));
  }
}

inline std::vector<TorchCall> torch_calls(const Summary& summary) {
  std::vector<TorchCall> calls;
  for (const SummaryRow& row : summary.rows)
    if (!row.input) add_torch_calls(row, calls);
  return calls;
}

inline std::string torch_shape(Index batch, const std::vector<Index>& shape) {
  return "[" + std::to_string(batch) + (shape.empty() ? "" : ", ") + join(shape, ", ") + "]";
}

/// The four sizes with which both tools end.
inline std::string torch_sizes(double input, double passes, double parameters) {
  const auto line = [](const char* what, double size) { return what + (" (MB): " + fixed(size, 2)) + "\n"; };
  return line("Input size", input) + line("Forward/backward pass size", passes) + line("Params size", parameters) +
         line("Estimated Total Size", input + passes + parameters);
}

inline std::string torch_totals(Index total, Index trainable) {
  return "Total params: " + thousands(total) + "\nTrainable params: " + thousands(trainable) +
         "\nNon-trainable params: " + thousands(total - trainable) + "\n";
}

/// torchinfo's third column.
inline std::string torchinfo_count(const TorchCall& call) {
  if (call.parameters == 0) return "--";
  if (call.repeated) return "(recursive)";
  const std::string count = thousands(call.parameters);
  return call.trainable == 0 ? "(" + count + ")" : count;
}

/// Multiply-adds as torchinfo counts them: each parameter once for each sample, in a convolution for each pixel.
inline double torchinfo_work(const TorchCall& call, Index batch) {
  const bool convolution = call.type.find("Conv") != call.type.npos;
  return static_cast<double>(call.parameters * batch * (convolution ? call.values() / call.shape[0] : 1));
}

/// "Total mult-adds (M): 14.42"
inline std::string torchinfo_work_line(double work) {
  for (const auto& [unit, scale] : {std::pair("T", 1e12), std::pair("G", 1e9)})
    if (work >= scale) return std::string("Total mult-adds (") + unit + "): " + fixed(work / scale, 2) + "\n";
  return "Total mult-adds (M): " + fixed(work / 1e6, 2) + "\n";
}

}  // namespace detail

inline std::string Summary::torchsummary() const {
  const std::string thin = std::string(64, '-') + "\n", thick = std::string(64, '=') + "\n";
  const auto line = [](const std::string& name, const std::string& shape, const std::string& count) {
    return detail::pad(name, 20, true) + "  " + detail::pad(shape, 25, true) + " " + detail::pad(count, 15, true) +
           "\n";
  };
  std::string text = thin + line("Layer (type)", "Output Shape", "Param #") + thick;
  Index total = 0, train = 0, values = 0, number = 0;
  for (const detail::TorchCall& call : detail::torch_calls(*this)) {
    text += line(call.type + "-" + std::to_string(++number), detail::torch_shape(-1, call.shape),
                 detail::thousands(call.parameters));
    total += call.parameters;
    if (call.weight_trains) train += call.parameters;
    values += call.values();
  }
  // it multiplies the inputs' sizes, and counts every output twice: once for its gradient
  constexpr double megabytes = 4.0 / (1 << 20);
  double input = megabytes;
  for (const Shape& shape : inputs) input *= static_cast<double>(shape.size());
  return text + thick + detail::torch_totals(total, train) + thin +
         detail::torch_sizes(input, 2 * megabytes * static_cast<double>(values),
                             megabytes * static_cast<double>(total)) +
         thin;
}

inline std::string Summary::torchinfo(Index batch) const {
  const std::vector<detail::TorchCall> calls = detail::torch_calls(*this);
  const std::string root(dialects::torch_container(sequential));
  std::vector<std::string> names;
  std::size_t longest = root.size() + 1;
  for (const detail::TorchCall& call : calls) {
    names.push_back(call.type + ": 1-" + std::to_string(names.size() + 1));
    longest = (std::max)(longest, names.back().size() + 6);
  }
  const std::size_t width = longest < 40 ? 40 : (longest + 4) / 5 * 5;
  const std::string rule = std::string(width + 50, '=') + "\n";
  const auto line = [&](const std::string& name, const std::string& shape, const std::string& count) {
    return detail::pad(name, width) + " " + detail::pad(shape, 25) + " " + count + "\n";
  };
  const std::vector<Index> out = outputs.empty() ? std::vector<Index>{} : detail::torch_extents(outputs[0]);
  std::string text = rule + line("Layer (type:depth-idx)", "Output Shape", "Param #") + rule +
                     line(root, detail::torch_shape(batch, out), "--");
  Index total = 0, train = 0, values = 0;
  double work = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const detail::TorchCall& call = calls[i];
    text += line("├─" + names[i], detail::torch_shape(batch, call.shape), detail::torchinfo_count(call));
    if (call.parameters == 0) continue;
    values += call.values();  // again for each call, and so the work
    work += detail::torchinfo_work(call, batch);
    if (call.repeated) continue;
    total += call.parameters;
    train += call.trainable;
  }
  constexpr double megabytes = 4.0 / 1e6;
  double input = 0;
  for (const Shape& shape : inputs) input += megabytes * static_cast<double>(shape.size() * batch);
  return text + rule + detail::torch_totals(total, train) + detail::torchinfo_work_line(work) + rule +
         detail::torch_sizes(input, 2 * megabytes * static_cast<double>(values * batch),
                             megabytes * static_cast<double>(total)) +
         rule;
}

}  // namespace KEEL_ABI
}  // namespace keel
