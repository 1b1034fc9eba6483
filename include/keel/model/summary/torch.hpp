#pragma once
/// What torchsummary and torchinfo print.

#include <keel/dialects/torch.hpp>
#include <keel/model/summary/columns.hpp>
#include <keel/model/summary/data.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace detail {

/// A module as PyTorch would hold it: what keel keeps in one layer may be several there.
struct TorchModule {
  std::string type;
  std::vector<Index> shape;  ///< without the batch, channels first
  Index parameters = 0;
  bool frozen = false, repeated = false;
};

/// Without the batch, channels first.
inline std::vector<Index> torch_extents(const Shape& shape) {
  std::vector<Index> extents(shape.begin(), shape.end());
  if (extents.size() > 1) std::rotate(extents.begin(), extents.end() - 1, extents.end());
  return extents;
}

/// PyTorch's modules of a row, none where it has a function (dialects/torch.hpp). A class of the user's own is one.
inline void add_torch_modules(const SummaryRow& row, std::vector<TorchModule>& modules) {
  const dialects::TorchRow* torch = dialects::torch_row(row.type);
  if (!torch)
    return modules.push_back({row.type, torch_extents(row.output), row.parameters(), row.frozen > 0, row.repeated});
  const dialects::TorchBuilder builder(*torch, {row.name, row.config, row.from, row.output});
  for (const dialects::TorchModule& part : builder.modules()) {
    if (part.function) continue;
    Index parameters = 0;
    for (const dialects::Weight& weight : part.weights)
      for (const SummaryWeight& held : row.weights)
        if (held.name == weight.keel && !held.buffer) parameters += held.size;
    modules.push_back(
        {part.class_name, torch_extents(part.output), parameters, row.frozen > 0 && parameters > 0, row.repeated});
  }
}

inline std::vector<TorchModule> torch_modules(const Summary& summary) {
  std::vector<TorchModule> modules;
  for (const SummaryRow& row : summary.rows)
    if (!row.input) add_torch_modules(row, modules);
  return modules;
}

inline std::string torch_shape(Index batch, const std::vector<Index>& shape) {
  std::string text = "[" + std::to_string(batch);
  for (const Index dim : shape) text += ", " + std::to_string(dim);
  return text + "]";
}

inline Index product(const std::vector<Index>& shape) {
  Index product = 1;
  for (const Index dim : shape) product *= dim;
  return product;
}

/// What torchinfo prints in place of a module's number of parameters.
inline std::string torchinfo_count(const TorchModule& module) {
  if (module.parameters == 0) return "--";
  if (module.repeated) return "(recursive)";
  const std::string count = thousands(module.parameters);
  return module.frozen ? "(" + count + ")" : count;
}

}  // namespace detail

inline std::string Summary::torchsummary() const {
  const auto fixed2 = [](double value) { return detail::fixed(value, 2); };
  using detail::pad;
  using detail::thousands;
  const std::string thin = std::string(64, '-') + "\n", thick = std::string(64, '=') + "\n";
  const auto line = [](const std::string& name, const std::string& shape, const std::string& count) {
    return pad(name, 20, true) + "  " + pad(shape, 25, true) + " " + pad(count, 15, true) + "\n";
  };
  std::string text = thin + line("Layer (type)", "Output Shape", "Param #") + thick;
  Index total = 0, train = 0, outputs = 0, index = 0;
  for (const auto& module : detail::torch_modules(*this)) {
    text += line(module.type + "-" + std::to_string(++index), detail::torch_shape(-1, module.shape),
                 thousands(module.parameters));
    total += module.parameters;
    if (!module.frozen) train += module.parameters;
    outputs += detail::product(module.shape);
  }
  // the tool multiplies the inputs' sizes, and counts every output twice: once for its gradient
  double input = 4.0 / (1 << 20);
  for (const Shape& shape : inputs) input *= static_cast<double>(shape.size());
  const double activations = 2.0 * 4.0 * static_cast<double>(outputs) / (1 << 20);
  const double parameters = 4.0 * static_cast<double>(total) / (1 << 20);
  return text + thick + "Total params: " + thousands(total) + "\nTrainable params: " + thousands(train) +
         "\nNon-trainable params: " + thousands(total - train) + "\n" + thin + "Input size (MB): " + fixed2(input) +
         "\nForward/backward pass size (MB): " + fixed2(activations) + "\nParams size (MB): " + fixed2(parameters) +
         "\nEstimated Total Size (MB): " + fixed2(input + activations + parameters) + "\n" + thin;
}

inline std::string Summary::torchinfo(Index batch) const {
  const auto fixed2 = [](double value) { return detail::fixed(value, 2); };
  using detail::thousands;
  const auto modules = detail::torch_modules(*this);
  std::size_t name_width = 40;
  for (const auto& module : modules)
    while (module.type.size() + 12 > name_width) name_width += 5;
  const std::string rule = std::string(name_width + 50, '=') + "\n";
  const auto line = [&](const std::string& name, const std::string& shape, const std::string& count) {
    return detail::pad(name, name_width) + " " + detail::pad(shape, 25) + " " + count + "\n";
  };
  const auto last = modules.empty() ? std::vector<Index>{} : modules.back().shape;
  std::string text = rule + line("Layer (type:depth-idx)", "Output Shape", "Param #") + rule +
                     line(std::string(dialects::torch_container(sequential)), detail::torch_shape(batch, last), "--");
  Index index = 0, outputs = 0;
  double work = 0;
  for (const auto& module : modules) {
    text += line("├─" + module.type + ": 1-" + std::to_string(++index), detail::torch_shape(batch, module.shape),
                 detail::torchinfo_count(module));
    if (module.parameters == 0) continue;
    if (!module.repeated) outputs += detail::product(module.shape);
    const bool convolution = module.type.rfind("Conv", 0) == 0;
    const Index places = convolution ? detail::product(module.shape) / module.shape[0] : 1;
    work += static_cast<double>(module.parameters * batch) * static_cast<double>(places);
  }
  double input = 0;
  for (const Shape& shape : inputs) input += static_cast<double>(shape.size() * batch) * 4.0 / 1e6;
  const double activations = 2.0 * 4.0 * static_cast<double>(outputs * batch) / 1e6;
  const double parameters = 4.0 * static_cast<double>(torch_total()) / 1e6;
  const char* unit = work >= 1e12 ? "T" : work >= 1e9 ? "G" : "M";
  const double scaled = work / (work >= 1e12 ? 1e12 : work >= 1e9 ? 1e9 : 1e6);
  return text + rule + "Total params: " + thousands(torch_total()) + "\nTrainable params: " + thousands(trainable) +
         "\nNon-trainable params: " + thousands(frozen) + "\nTotal mult-adds (" + unit + "): " + fixed2(scaled) + "\n" +
         rule + "Input size (MB): " + fixed2(input) + "\nForward/backward pass size (MB): " + fixed2(activations) +
         "\nParams size (MB): " + fixed2(parameters) +
         "\nEstimated Total Size (MB): " + fixed2(input + activations + parameters) + "\n" + rule;
}

}  // namespace KEEL_ABI
}  // namespace keel
