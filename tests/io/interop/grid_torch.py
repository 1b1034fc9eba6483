#!/usr/bin/env python3
"""PyTorch's side of grid.cpp: runs each model.py with the weights of its model.pt and writes DIR/results_PyTorch_VERSION.tsv, lines
of number, format, largest difference in units of the largest value or of 1 ("-": it fails), text; of BatchNorm, of its moving statistics after a
step of training too. Samples and outputs are channels last in the files."""
import os
import sys

import numpy as np
import torch

folder = sys.argv[1]
torch.set_num_threads(1)


def arrays(at, letter):
    """As PyTorch has them: the channels, the last axis, come first."""
    all = []
    while os.path.exists(os.path.join(at, "%s%d.npy" % (letter, len(all)))):
        value = torch.from_numpy(np.load(os.path.join(at, "%s%d.npy" % (letter, len(all)))))
        all.append(value.movedim(-1, 1) if value.dim() > 2 else value)
    return all


def difference(found, wanted):
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    if [tuple(f.shape) for f in found] != [tuple(w.shape) for w in wanted]:
        raise ValueError("shapes %s for %s" % ([tuple(f.shape) for f in found], [tuple(w.shape) for w in wanted]))
    largest = max([1.0] + [float(w.abs().max()) for w in wanted if w.numel()])
    return max(float((f - w).abs().max()) for f, w in zip(found, wanted)) / largest


with open(os.path.join(folder, "grid.tsv")) as list_file:
    cases = [line.rstrip("\n").split("\t") for line in list_file]
with open(os.path.join(folder, "results_PyTorch_%s.tsv" % torch.__version__.split("+")[0]), "w") as results, torch.no_grad():
    for number, kind, option, value, place, form, state, text in cases:
        if form != "pt" or state != "written":
            continue
        at = os.path.join(folder, number)
        try:
            scope = {}
            with open(os.path.join(at, "model.py")) as code:
                exec(code.read(), scope)
            model = scope["model"]
            model.load_state_dict(torch.load(os.path.join(at, "model.pt"), weights_only=True), strict=True)
            model.eval()
            worst = difference(model(*arrays(at, "x")), arrays(at, "y"))
            if os.path.exists(os.path.join(at, "moving0.npy")):
                model.train()(*arrays(at, "x"))
                moving = arrays(at, "moving")
                found = [b for n, b in model.named_buffers() if n.endswith(("running_mean", "running_var"))]
                worst = max(worst, difference(found[: len(moving)], moving))
            worst = "%.3e" % worst
            what = ""
        except Exception as error:  # every failure is one line of the report
            worst, what = "-", " ".join(("%s: %s" % (type(error).__name__, error)).split())[:300]
        results.write("%s\t%s\t%s\t%s\n" % (number, form, worst, what))
