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


def network(name):
    scope = {}
    with open(os.path.join(folder, name + ".py")) as file:
        exec(file.read(), scope)
    model = scope["model"]
    model.load_state_dict(torch.load(os.path.join(folder, name + ".pt"), weights_only=True), strict=True)
    return model.eval()


def data(name):
    return torch.from_numpy(np.load(os.path.join(folder, name + ".npy")))


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

model = network("seed").train()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for step in range(5):
    optimizer.zero_grad()
    ((model(data("seed_x")) - 0.1) ** 2).mean().backward()
    optimizer.step()
torch.save(model.state_dict(), os.path.join(folder, "seed_trained.pt"))
