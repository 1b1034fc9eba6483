"""Exports the five networks with weights and statistics that are not their first ones: `peer_networks.py DIRECTORY` writes
NAME.onnx, NAME.x.npy and NAME.y.npy."""
import sys

import numpy as np
import torch

sys.path.insert(0, "/peers")
import networks  # noqa: E402

torch.manual_seed(3)
for name, (make, channels, extent) in networks.M.items():
    model = make()
    for each in model.modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(each.weight, 0.5, 1.5)
            torch.nn.init.uniform_(each.bias, -0.2, 0.2)
            torch.nn.init.uniform_(each.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(each.running_var, 0.5, 1.5)
    model.eval()
    x = torch.randn(1, channels, extent, extent)
    torch.onnx.export(model, (x,), f"{sys.argv[1]}/{name}.onnx", dynamo=False, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    with torch.no_grad():
        y = model(x)
    np.save(f"{sys.argv[1]}/{name}.x.npy", x.numpy())
    np.save(f"{sys.argv[1]}/{name}.y.npy", y.numpy())
