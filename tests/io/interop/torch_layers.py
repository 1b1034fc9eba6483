#!/usr/bin/env python3
"""PyTorch's side of torch_layers.cpp: runs each NAME.py, loads NAME.pt strictly and compares outputs in evaluation. Prints a line for
each that differs, and the counts."""
import glob
import os
import sys

import numpy as np
import torch

folder = sys.argv[1]
torch.set_num_threads(1)
bad = count = 0
worst_of_all = 0.0
for code in sorted(glob.glob(os.path.join(folder, "*.py"))):
    base = code[:-3]
    name = os.path.basename(base)
    count += 1
    try:
        scope = {}
        exec(open(code).read(), scope)
        model = scope["model"]
        model.load_state_dict(torch.load(base + ".pt"), strict=True)
        model.eval()
        inputs = [torch.from_numpy(np.load(path)) for path in sorted(glob.glob(base + "_x[0-9].npy"))]
        with torch.no_grad():
            outputs = model(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        wanted = [torch.from_numpy(np.load(path)) for path in sorted(glob.glob(base + "_y[0-9].npy"))]
        assert len(outputs) == len(wanted), "%d outputs, not %d" % (len(outputs), len(wanted))
        for y, want in zip(outputs, wanted):
            assert y.shape == want.shape, "shape %s, not %s" % (tuple(y.shape), tuple(want.shape))
            worst = float((y - want).abs().max())
            assert worst <= 1e-5, "differs by %g" % worst
            worst_of_all = max(worst_of_all, worst)
    except Exception as error:
        bad += 1
        print("not ok torch_code %s: %s" % (name, str(error).replace("\n", " ")[:300]))
print("%sok torch_code: %d of %d models right in PyTorch %s (largest difference %.1e)"
      % ("not " if bad else "", count - bad, count, torch.__version__, worst_of_all))
sys.exit(1 if bad else 0)
