"""A network that PyTorch exports to ONNX in training form, and PyTorch's own training of it, in float64.
Usage: python3 generate_fine_tuning.py [OUTPUT_FOLDER]

Writes fine_tune_torch.onnx and fine_tune_torch.safetensors. Images are channels last, weights as in keel's layers, under
the names that the nodes of the file have.
"""
import os
import sys
import warnings

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn

from golden_file import Golden, Numbers

warnings.filterwarnings("ignore")
OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
STEPS, BATCH, CLASSES = 20, 8, 5


class Network(nn.Module):
    """No bias stands before a norm: its gradient is rounding alone, which Adam makes steps of."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.bn2 = nn.BatchNorm2d(6, eps=1e-3, momentum=0.25)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, bias=False)
        self.bn3 = nn.BatchNorm2d(8)
        self.hidden = nn.Linear(8 * 3 * 3, 7, bias=False)
        self.bn4 = nn.BatchNorm1d(7)
        self.head = nn.Linear(7, CLASSES)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 2)
        x = x + torch.relu(self.bn2(self.depthwise(x)))
        x = nn.functional.silu(self.bn3(self.conv2(x)))
        return self.head(torch.relu(self.bn4(self.hidden(x.flatten(1)))))


def network():
    torch.manual_seed(5)
    model = Network()
    for each in model.modules():
        if isinstance(each, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(each.weight, 0.5, 1.5)
            nn.init.uniform_(each.bias, -0.5, 0.5)
            nn.init.uniform_(each.running_mean, -0.5, 0.5)
            nn.init.uniform_(each.running_var, 0.5, 2)
    return model


def weights(model):
    """In keel's layout. Rows of `hidden` stand for (h, w, c), which PyTorch has as (c, h, w)."""
    found = {}
    for name, each in model.named_children():
        if isinstance(each, nn.Conv2d):
            found[f"{name}/Conv/kernel"] = each.weight.permute(2, 3, 1, 0)
        elif isinstance(each, nn.Linear):
            kernel = each.weight
            if name == "hidden":
                kernel = kernel.reshape(7, 8, 3, 3).permute(0, 2, 3, 1).reshape(7, -1)
            found[f"{name}/{'MatMul' if each.bias is None else 'Gemm'}/kernel"] = kernel.t()
            if each.bias is not None:
                found[f"{name}/Gemm/bias"] = each.bias
        else:
            base = f"{name}/BatchNormalization/"
            found[base + "gamma"], found[base + "beta"] = each.weight, each.bias
            found[base + "moving_mean"], found[base + "moving_variance"] = each.running_mean, each.running_var
    return {key: value.detach().clone().contiguous() for key, value in found.items()}


golden, numbers = Golden(), Numbers(12)
images = numbers(4 * BATCH, 14, 14, 3)
labels = np.arange(4 * BATCH) * 7 % CLASSES
x, target = torch.from_numpy(np.array(images, np.float64)).movedim(-1, 1), torch.from_numpy(labels)

path = os.path.join(OUT, "fine_tune_torch.onnx")
torch.onnx.export(network().train(), (x[:2].float(),), path, training=torch.onnx.TrainingMode.TRAINING,
                  do_constant_folding=False, opset_version=14, input_names=["x"], output_names=["y"],
                  dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
# the statistics in the file are those after the exporter's own run
start = {each.name: torch.from_numpy(onnx.numpy_helper.to_array(each).copy())
         for each in onnx.load(path).graph.initializer}
optimizers = {"sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
              "adam": lambda p: torch.optim.Adam(p, lr=0.002)}
for name, make in optimizers.items():
    model = network()
    model.load_state_dict(start, strict=False)
    model = model.double()
    optimizer = make(model.parameters())
    losses = []
    for step in range(STEPS):
        model.train()
        begin = step * BATCH % len(labels)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[begin:begin + BATCH]), target[begin:begin + BATCH])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        predicted = model(x[:BATCH])
    golden.add(name, {"steps": STEPS}, loss=np.array(losses), predicted=predicted, **weights(model))
golden.tensors["images"] = np.asarray(images, np.float32)
golden.tensors["labels"] = labels.astype(np.int64)
golden.save(os.path.join(OUT, "fine_tune_torch.safetensors"))
