#!/usr/bin/env python3
"""PyTorch's side of models.cpp: loads each NAME.pt into the modules of NAME.py, compares outputs, changes all values, writes them
back; trains the network `seed` for five steps. Prints `ok NAME` and `not ok NAME` lines."""
import glob
import os
import sys

import numpy as np
import torch

folder = sys.argv[1]
torch.manual_seed(5)
torch.set_num_threads(1)


def network(name, folder=folder):
    scope = {}
    with open(os.path.join(folder, name + ".py")) as file:
        exec(file.read(), scope)
    model = scope["model"]
    model.load_state_dict(torch.load(os.path.join(folder, name + ".pt"), weights_only=True), strict=True)
    return model.eval()


def data(name, folder=folder):
    return torch.from_numpy(np.load(os.path.join(folder, name + ".npy")))


def train(model, x):
    """Five steps of gradient descent on the mean of (y - 0.1)^2."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for step in range(5):
        optimizer.zero_grad()
        ((model(x) - 0.1) ** 2).mean().backward()
        optimizer.step()
    return model.state_dict()


class KerasBatchNorm(torch.nn.Module):
    """Keras 3's formulas: momentum is the weight of the old value, and the moving variance takes the biased one."""

    def __init__(self, torch_layer):
        super().__init__()
        self.weight, self.bias = torch_layer.weight, torch_layer.bias
        for name, value in torch_layer.named_buffers():
            self.register_buffer(name, value)
        self.momentum, self.epsilon = 1 - torch_layer.momentum, torch_layer.eps

    def forward(self, x):
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
        for moving, value in ((self.running_mean, mean), (self.running_var, variance)):
            moving.copy_(self.momentum * moving + (1 - self.momentum) * value.detach().flatten())
        self.num_batches_tracked += 1
        y = (x - mean) / torch.sqrt(variance + self.epsilon)
        return y * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


for code in sorted(glob.glob(os.path.join(folder, "*.py"))):
    name = os.path.basename(code)[:-3]
    if not os.path.exists(os.path.join(folder, name + ".pt")):
        continue
    try:
        model, x = network(name), data(name + "_x")
        with torch.no_grad():
            worst = float((model(x) - data(name + "_y")).abs().max())
            print("%sok %s: outputs of PyTorch %s (%.1e)" % ("" if worst <= 1e-5 else "not ", name, torch.__version__, worst))
            for key, value in model.state_dict().items():
                if value.dtype == torch.int64:
                    value += 7
                elif key.endswith("running_var"):
                    value += 0.5 * torch.rand_like(value)
                # what keel does not have stays 1 and 0
                elif not (torch.all(value == 1) or torch.all(value == 0)):
                    value += 0.05 * torch.randn_like(value)
            np.save(os.path.join(folder, name + "_back_y.npy"), model(x).numpy())
        torch.save(model.state_dict(), os.path.join(folder, name + "_back.pt"))
    except Exception as error:
        print("not ok %s: %s" % (name, str(error).replace("\n", " ")[:300]))

torch.save(train(network("seed"), data("seed_x")), os.path.join(folder, "seed_trained.pt"))

journey = os.path.join(folder, "journey")
if os.path.exists(os.path.join(journey, "seed.pt")):
    model, x = network("seed", journey), data("seed_x", journey)
    with torch.no_grad():
        worst = float((model(x) - data("keras_y", journey)).abs().max())
    print("%sok journey: in PyTorch the outputs of Keras (%.1e)" % ("" if worst <= 1e-5 else "not ", worst))
    torch.save(model.state_dict(), os.path.join(journey, "back.pt"))
    torch.save(train(model, x), os.path.join(journey, "trained.pt"))
    keras = network("seed", journey).double()
    for i, layer in enumerate(keras):
        if isinstance(layer, torch.nn.BatchNorm2d):
            keras[i] = KerasBatchNorm(layer)
    torch.save(train(keras, x.double()), os.path.join(journey, "trained_keras.pt"))
