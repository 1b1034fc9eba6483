#pragma once
/// All of keel. Each header also stands alone: include what a program uses, and it compiles faster.

#include <keel/version.hpp>

#include <keel/tensor/abi.hpp>
#include <keel/tensor/error.hpp>
#include <keel/tensor/finite.hpp>
#include <keel/tensor/rng.hpp>
#include <keel/tensor/shape.hpp>
#include <keel/tensor/tensor.hpp>

#include <keel/layers/activation_layer.hpp>
#include <keel/layers/any_layer.hpp>
#include <keel/layers/batch_norm.hpp>
#include <keel/layers/config.hpp>
#include <keel/layers/conv2d.hpp>
#include <keel/layers/dense.hpp>
#include <keel/layers/flatten.hpp>
#include <keel/layers/initializers.hpp>
#include <keel/layers/layer.hpp>
#include <keel/layers/options.hpp>
#include <keel/layers/output_activation.hpp>
#include <keel/layers/parameter.hpp>
#include <keel/layers/view_layer.hpp>

#include <keel/model/inference_plan.hpp>
#include <keel/model/model.hpp>
#include <keel/model/naming.hpp>
#include <keel/model/sequential.hpp>
#include <keel/model/summary.hpp>
#include <keel/model/summary_print.hpp>
#include <keel/model/summary_torch.hpp>
#include <keel/model/tape.hpp>

#include <keel/training/augment.hpp>
#include <keel/training/data.hpp>
#include <keel/training/losses.hpp>
#include <keel/training/number.hpp>
#include <keel/training/optimizer_spec.hpp>
#include <keel/training/optimizers.hpp>
#include <keel/training/schedules.hpp>

#include <keel/io/archive.hpp>
#include <keel/io/atomic_file.hpp>
#include <keel/io/bytes.hpp>
#include <keel/io/cifar10.hpp>
#include <keel/io/content.hpp>
#include <keel/io/datasets.hpp>
#include <keel/io/deflate.hpp>
#include <keel/io/hdf5.hpp>
#include <keel/io/hdf5_structure.hpp>
#include <keel/io/idx.hpp>
#include <keel/io/json.hpp>
#include <keel/io/npy.hpp>
#include <keel/io/pickle.hpp>
#include <keel/io/safetensors.hpp>
#include <keel/io/torch_file.hpp>
#include <keel/io/zip.hpp>
