#pragma once
/// `model.summary()`: what a model consists of, as data and as the tables of keel, Keras and PyTorch.

#include <keel/model/summary_data.hpp>
#include <keel/model/summary_print.hpp>
#include <keel/model/summary_torch.hpp>
