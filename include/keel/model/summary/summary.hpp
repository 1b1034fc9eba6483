#pragma once
/// `model.summary()`: what a model consists of, as data and as the tables of keel, Keras and PyTorch.

#include <keel/model/summary/data.hpp>
#include <keel/model/summary/keel.hpp>
#include <keel/model/summary/keras.hpp>
#include <keel/model/summary/torch.hpp>
