#pragma once
/// Weights of Keras 2's CuDNNLSTM and CuDNNGRU, which lie in files as the GPU's library wants them.

#include <deque>

#include <keel/io/modules.hpp>

namespace keel {
inline namespace KEEL_ABI {

namespace io {

using namespace formats;

/// One part for each gate, side by side along the last axis: of the input's kernel the values in the order of a
/// transposed matrix, in the shape of the matrix; of the state's the transposed matrix.
template <class T>
Tensor<T> from_cudnn(const Tensor<T>& kernel, Index gates, bool of_input) {
  const Index rows = kernel.shape()[0], all = kernel.shape()[1], units = all / gates;
  Tensor<T> turned(kernel.shape());
  for (Index g = 0; g < gates; ++g)
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < units; ++j) {
        const Index place = of_input ? i + rows * j : j * units + i;
        turned[i * all + g * units + j] = kernel[place / units * all + g * units + place % units];
      }
  return turned;
}

/// Puts the usual weights in the place of those of the library, which a bias twice as long in one row tells: that of
/// an LSTM is the sum of its halves, that of a GRU has them as rows. `made` holds the arrays that `sources` name then.
template <class T>
void turn_cudnn(const std::vector<Module<T>>& modules, std::vector<SourceModule>& sources, std::deque<NamedArray>& made,
                const std::string& where) {
  for (const Module<T>& module : modules)
    for (SourceModule& source : sources) {
      if (source.name != module.name || source.tensors.size() != module.slots.size()) continue;
      for (std::size_t i = 2; i < module.slots.size(); ++i) {
        const Parameter<T>* const kernel = module.slots[i - 2].parameter;
        const Parameter<T>* const recurrent = module.slots[i - 1].parameter;
        const Parameter<T>* const bias = module.slots[i].parameter;
        if (!kernel || !recurrent || !bias || !recurrent->name().ends_with("recurrent_kernel")) continue;
        const NamedArray* from[] = {source.tensors[i - 2].second, source.tensors[i - 1].second,
                                    source.tensors[i].second};
        const Index units = recurrent->shape()[0], all = recurrent->shape()[1], gates = all / units;
        const bool fits = from[0]->shape == kernel->shape() && from[1]->shape == recurrent->shape();
        if (gates < 3 || !fits || !(from[2]->shape == Shape{2 * all})) continue;
        const Tensor<T> b = to_tensor<T>(*from[2], where);
        Tensor<T> whole(bias->shape());
        for (Index k = 0; k < whole.size(); ++k) whole[k] = gates == 4 ? b[k] + b[all + k] : b[k];
        const Tensor<T> values[] = {from_cudnn(to_tensor<T>(*from[0], where), gates, true),
                                    from_cudnn(to_tensor<T>(*from[1], where), gates, false), std::move(whole)};
        for (std::size_t k = 0; k < 3; ++k) {
          made.push_back(to_array<T>(from[k]->name, TensorView<const T>(values[k])));
          source.tensors[i - 2 + k].second = &made.back();
        }
      }
    }
}

}  // namespace io

}  // namespace KEEL_ABI
}  // namespace keel
