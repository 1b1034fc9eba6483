// CASE 0 compiles; every other case must not: mistakes that the types are there to catch. What follows `says` is to be
// found in the first five lines of what the compiler says, beside the line itself.
#include <keel/keel.hpp>

using namespace keel;

void use(Sequential<float>& model, const Tensor<float>& tensor, TensorView<const float> view);
void use([[maybe_unused]] Sequential<float>& model, [[maybe_unused]] const Tensor<float>& tensor,
         [[maybe_unused]] TensorView<const float> view) {
#if CASE == 0
  model.add(Conv2D(32, 3, Conv2DOptions{}));
  model.add(Dense(10, DenseOptions{}));
  const TensorView<const float> reading = tensor;
  Tensor<double> wide = tensor.cast<double>();
  const Dataset<float> data(tensor, tensor);
  fit(model, data, {.loss = "mse", .metrics = {"mae", Metric::mse}, .validation = data});
  fit(model, tensor, tensor, {.loss = Loss::mse, .validation = &data});
  const Sequential<float> other({3}, {Dense(4), Dense(1)}, {.name = "other"});
  model.add(MaxPool2D()).add(MaxPool2D({2, 2})).add(BatchNorm()).add(Conv2D(1, {3, 3})).add(Dense<float>(3));
  const Sequential<float> one({784}), two({28, 28, 1}, {.seed = 1});
  const Adam adam({.learning_rate = 1e-3});
  const Huber huber({2.0});
  const SGD sgd({0.1});  // the first option, unnamed
  const LossSpec loss({Loss::huber, {.delta = 2}});
  // what may be given in several ways
  History history;
  Optimizer<float> optimizer{Adam()};
  EarlyStopping stop({.patience = 2});
  const std::vector<int> labels(3);
  fit(model, data,
      {.optimizer = "adam", .loss = "mse", .metrics = "mae", .callbacks = EarlyStopping(), .history = history});
  fit(model, Dataset(tensor, labels),
      {.optimizer = optimizer, .metrics = Metric::mae, .callbacks = &stop, .history = &history});
  fit(model, data, {.optimizer = &optimizer, .metrics = {Metric::mae, "mse"}, .callbacks = {stop, [](Training<>&) {}}});
  model.add(Conv2D(2, 3, {.padding = "same", .activation = "relu", .kernel_initializer = "he_normal"}));
  model.add(Conv2D(2, 3, {.padding = 0})).add(Conv1D(2, 3, {.padding = "causal"})).add(Conv1D(2, 3, {.padding = 0}));
  const Adam copy = adam;
  const Huber other_huber({.delta = 1}), huber_copy = huber;
#elif CASE == 1  // another layer's options
  model.add(Conv2D(32, 3, DenseOptions{}));
#elif CASE == 2
  model.add(Dense(10, Conv2DOptions{}));
#elif CASE == 3   // an option that the layer does not have
  model.add(Dense(10, {.strides = 2}));
#elif CASE == 4   // not a layer
  model.add(3);
#elif CASE == 5   // a constant tensor written through a view
  const TensorView<float> writing = tensor;
#elif CASE == 6   // a float tensor is not a double one
  Tensor<double> wide = tensor;
#elif CASE == 7   // a view that only reads
  view[0] = 1;
#elif CASE == 8   // an owning copy by accident
  Tensor<float> copy = view;
#elif CASE == 9   // a model copies by clone() only
  Sequential<float> copy = model;
#elif CASE == 10  // a double layer in a float model
  model.add(Dense<double>(10));
#elif CASE == 11  // pixels as they come from a file; says predict(const OtherValues&)
  model.predict(Tensor<unsigned char>({1, 28, 28, 1}));
#elif CASE == 12  // says predict(const OtherValues&)
  model.predict(Tensor<double>({1, 28, 28, 1}));
#elif CASE == 13  // says OtherType = double
  fit(model, Dataset<double>(Tensor<double>({1, 3}), Tensor<double>({1, 3})), {.loss = Loss::mse});
#elif CASE == 14  // says const Model
  fit(static_cast<const Model<float>&>(model), Dataset<float>(), {.loss = Loss::mse});
#elif CASE == 15  // a lambda for a loss; says a loss is
  const auto pinball = [](double y, double t) { return t - y; };
  fit(model, Dataset<float>(), {.loss = pinball});
#elif CASE == 16  // says a metric is
  const auto error = [](double y, double t) { return t - y; };
  fit(model, Dataset<float>(), {.loss = Loss::mse, .metrics = {error}});
#elif CASE == 17  // says lose
  FitOptions<> options{.lose = Loss::mse};
#elif CASE == 18  // says paddding
  Conv2DOptions options{.paddding = Padding::same};
#elif CASE == 19  // options in another order than Keras's; says padding
  model.add(Conv2D(32, 3, {.activation = Activation::relu, .padding = Padding::same}));
#elif CASE == 20  // says read-only
  const Tensor<float> constant({2, 3});
  constant(0, 1) = 2;
#elif CASE == 21  // in the call itself; says MisspeltOptionOrWrongTypeOrArgument
  model.add(Conv2D(32, 3, {.paddding = Padding::same}));
#elif CASE == 22  // of a layer that has options alone; says MisspeltOptionOrWrongTypeOrArgument
  model.add(BatchNorm({.momentm = 0.9}));
#elif CASE == 23  // an enum for another; says MisspeltOptionOrWrongTypeOrArgument
  model.add(Dense(10, {.activation = Reduction::sum}));
#elif CASE == 24  // says MisspeltOptionOrWrongTypeOrArgument
  model.add(MaxPool2D(2, {.stride = 1}));
#elif CASE == 25  // says MisspeltOptionOrWrongTypeOrArgument
  const EarlyStopping stop({.patiens = 3});
#elif CASE == 26  // says MisspeltOptionOrWrongTypeOrArgument
  fit(model, Dataset<float>(), {.lose = "mse"});
#elif CASE == 27  // says MisspeltOptionOrWrongTypeOrArgument
  evaluate(model, Dataset<float>(), {.lose = "mse"});
#elif CASE == 28  // says MisspeltOptionOrWrongTypeOrArgument
  const LossSpec loss(Loss::huber, {.dleta = 2});
#elif CASE == 29  // says MisspeltOptionOrWrongTypeOrArgument
  const OptimizerSpec adam = Adam::torch({.learning_rate = 1e-3});
#elif CASE == 30  // a number for a shape; says ShapeNeedsBraces
  Sequential net(784);
#elif CASE == 31  // says MisspeltOptionOrWrongTypeOrArgument
  const Adam adam({.lr = 1e-3});
#elif CASE == 32  // a number for a tensor; says MisspeltOptionOrWrongTypeOrArgument
  const Dataset data(tensor, 3);
#elif CASE == 33  // says order
  fit(model, Dataset<float>(), {.loss = Loss::mse, .epochs = 3});
#endif
}
