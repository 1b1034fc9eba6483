// What a newcomer gets wrong at compile time, one mistake a line. What follows `says` is to be found in the first five
// lines of what gcc and clang say of the line, outside of the line itself: the option, its type, or what is wrong.
#include <keel/keel.hpp>

using namespace keel;

// Of 31 mistakes that were made by newcomers, those that still are some: a missing include and C++17 are below, in
// compile_mistakes of check.sh, and what is taken today in CASE 0 of must_not_compile.cpp.
void m01(Sequential<float>& m) { m.add(Conv2D(32, 3, {.paddding = Padding::same})); }                  // says Conv2D<keel::MisspeltOption
void m02(Sequential<float>& m) { m.add(Conv2D(32, 3, {.activation = Activation::relu, .padding = Padding::same})); }  // says padding
void m04(Sequential<float>& m, Tensor<unsigned char>& x) { m.predict(x); }                             // says OtherValues = keel::Tensor<unsigned char>
void m05(Sequential<float>& m, Tensor<double>& x) { m.predict(x); }                                    // says OtherValues = keel::Tensor<double>
void m06(Sequential<float>& m, Dataset<double>& d) { fit(m, d, {.loss = Loss::mse}); }                 // says OtherType = double
void m09(const Tensor<float>& x) { x(0, 1) = 2; }                                                      // says read-only or const value
struct MyLayer : Layer<float> {
  std::string type() const override { return "My"; }
  Shape output_shape(Shapes in) const override { return single_input(in); }
  void forward(Inputs<float> x, TensorView<float> y) const override;                                   // says override
};
void m16(Sequential<float>& m) { Sequential n = m; }                                                   // says copy constructor or Sequential(const keel::Sequential<float>&)
void m21(const Model<float>& m, Dataset<float>& d) { fit(m, d, {.loss = Loss::mse}); }                 // says fit(const Model<T>&
void m22(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.optimizer = SGD(), .epochs = 3}); }    // says epochs
void m23() { Adam a({.lr = 1e-3}); }                                                                   // says MisspeltOption
void m24() { Sequential m(784); }                                                                      // says ShapeNeedsBraces
void m28(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.loss = [](double a, double b) { return a - b; }}); }  // says a loss is
void m29(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.metrics = {[](double a, double b) { return a - b; }}}); }  // says a metric is
void m31() { FitOptions<> p{.lose = Loss::mse}; }                                                      // says lose
void m31b() { Conv2DOptions q{.paddding = Padding::same}; }                                            // says paddding

// A misspelt option of a class of each kind.
void n01() { SGD a({.momentun = 0.9}); }                                                               // says MisspeltOption
void n02() { Huber h({.dleta = 2}); }                                                                  // says MisspeltOption
void n03() { MetricSpec k{Metric::top_k, {.kk = 3}}; }                                                 // says MisspeltOption
void n04(Sequential<float>& m) { m.add(BatchNorm({.eps = 1e-3})); }                                    // says BatchNorm<keel::MisspeltOption
void n05() { EarlyStopping e({.patiens = 3}); }                                                        // says MisspeltOption
void n06() { EarlyStopping<> e({.patiens = 3}); }                                                      // says MisspeltOption
void n07() { ReduceLROnPlateau r({.fctor = 0.1}); }                                                    // says MisspeltOption
void n08() { Checkpoint c("x", {.evry = 1}); }                                                         // says MisspeltOption
void n09() { Augment a({.horizontal_flp = true}); }                                                    // says MisspeltOption
void n10(Dataset<float>& d) { Batches b(d, {.batchsize = 3}); }                                        // says MisspeltOption
void n11() { Model n({.sed = 3}); }                                                                    // says Model<keel::MisspeltOption
void n12() { Sequential n({3}, {.seeed = 3}); }                                                        // says Sequential<keel::MisspeltOption
void n13(Sequential<float>& m, Tensor<float>& x) { fit(m, x, x, {.los = "mse"}); }                     // says MisspeltOption
void n14(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.validation_split = 0.2}); }            // says MisspeltOption
void n15() { Adam a({.learning_rate = CosineDecay{.initial = 1}}); }                                   // says initial

// A value of another type in each option of fit that is of a class, and in those of layers.
void v01(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.optimizer = 3}); }                     // says an optimizer is
void v02(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.loss = Metric::mae}); }                // says a loss is
void v03(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.metrics = {Loss::mse}}); }             // says a metric is
void v04(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.metrics = 3}); }                       // says an element of this list
void v05(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.validation = 0.2}); }                  // says validation data are
void v06(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.callbacks = {"early"}}); }             // says a callback is
void v07(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.callbacks = {[](int) {}}}); }          // says a callback is
void v08(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.resume = 3}); }                        // says the path of a checkpoint
void v09(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.history = History()}); }               // says a variable of the type
void v10(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.communicator = 3}); }                  // says a Communicator
void v11(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.epochs = "3"}); }                      // says WrongType
void v12(Sequential<float>& m, Dataset<float>& d) { fit(m, d, {.verbose = "silent"}); }                // says WrongType
void v13(Sequential<float>& m, Tensor<float>& x) { fit(m, x, {.loss = "mse"}); }                       // says TargetsAreMissing
void v14(Sequential<float>& m) { m.add("dense"); }                                                     // says a layer is
void v15(Sequential<float>& m) { m.add([](int) {}); }                                                  // says a layer is
void v16(Sequential<float>& m) { m.add(Dense<double>(3)); }                                            // says a layer is
void v17(Sequential<float>& m) { m.add(Dense(3, "relu")); }                                            // says Dense<keel::MisspeltOption
void v18(Sequential<float>& m) { m.add(Conv2D(32)); }                                                  // says Conv2D<keel::MisspeltOption
void v19(Sequential<float>& m) { m.add(MaxPool2D(2, {.padding = Reduction::sum})); }                  // says MaxPool2D<keel::MisspeltOption
void v20(Tensor<float>& x, Tensor<double>& y) { Dataset d(x, y); }                                     // says Dataset<keel::MisspeltOption
void v21(Tensor<float>& x) { Dataset d(x, 3); }                                                        // says Dataset<keel::MisspeltOption
void v22(Tensor<float>& x) { Dataset d(x, "labels.csv"); }                                             // says Dataset<keel::MisspeltOption

// What would be gone, or written to nowhere.
void t01(Model<float>& m, Tape<float>& tape) { m.forward(Tensor<float>({1, 3}), tape); }               // says InputsMustLiveUntilBackward
void t02() { TensorView<float> view = Tensor<float>({2}); }                                            // says TensorView or discards qualifiers
