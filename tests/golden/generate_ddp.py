"""Golden values of training on two ranks from real PyTorch in float64. Usage: python3 generate_ddp.py [OUTPUT_FOLDER]

`sgd` and `adam`: DistributedDataParallel over gloo, two processes, each half of every batch. `norm`: SyncBatchNorm's
numbers. It refuses the CPU, and is BatchNorm over the joined batch, which is what one process trains here with. Images
are channels last, kernels HWIO, dense weights (in, out) behind keel's Flatten.
"""
import os
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from golden_file import Golden, Numbers, single

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
RANKS, BATCH, BATCHES, EPOCHS = 2, 8, 5, 4


def data():
    numbers = Numbers(3)
    count = RANKS * BATCH * BATCHES
    return numbers(count, 8, 8, 1), numbers.labels(4, count)


def network(norm):
    torch.manual_seed(1)
    layers = [nn.Conv2d(1, 4, 3, padding=1)] + ([nn.BatchNorm2d(4)] if norm else []) + [
        nn.Tanh(), nn.Flatten(), nn.Linear(256, 16), nn.Tanh(), nn.Linear(16, 4)]
    net = nn.Sequential(*layers)
    for p in net.parameters():  # numbers that a float holds
        p.data = p.data.float()
    return net.double()


def values(net):
    """Every parameter and statistic under keel's name, in keel's order of axes."""
    result, dense = {}, 0
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            result["conv2d/kernel"] = layer.weight.permute(2, 3, 1, 0)
            result["conv2d/bias"] = layer.bias
        elif isinstance(layer, nn.BatchNorm2d):
            for name, value in [("gamma", layer.weight), ("beta", layer.bias), ("moving_mean", layer.running_mean),
                                ("moving_variance", layer.running_var)]:
                result["batch_normalization/" + name] = value
        elif isinstance(layer, nn.Linear):
            weight = layer.weight.reshape(-1, 4, 8, 8).permute(2, 3, 1, 0).flatten(0, 2) if dense == 0 else layer.weight.T
            name = "dense" if dense == 0 else "dense_1"
            result[name + "/kernel"], result[name + "/bias"] = weight, layer.bias
            dense += 1
    return {name: value.detach().clone().contiguous() for name, value in result.items()}


def optimizer_of(name, net):
    if name == "adam":
        return torch.optim.Adam(net.parameters(), lr=0.01)
    return torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)


def train(net, run, name, rank, ranks):
    """The mean loss of each epoch over all ranks."""
    images, labels = (torch.from_numpy(a) for a in data())
    images, optimizer, losses = images.movedim(-1, 1), optimizer_of(name, net), []
    each = RANKS * BATCH // ranks
    for _ in range(EPOCHS):
        total = torch.zeros(())
        for b in range(BATCHES):
            begin = b * RANKS * BATCH + rank * each
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(run(images[begin:begin + each]), labels[begin:begin + each])
            loss.backward()
            optimizer.step()
            total = total + loss.detach() / BATCHES
        if ranks > 1:
            dist.all_reduce(total)
            total = total / ranks
        losses.append(total)
    return torch.stack(losses)


def worker(rank, name, port, path):
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), USE_LIBUV="0")
    dist.init_process_group("gloo", rank=rank, world_size=RANKS)
    net = network(False)
    losses = train(net, nn.parallel.DistributedDataParallel(net), name, rank, RANKS)
    if rank == 0:
        torch.save((values(net), losses), path)
    dist.destroy_process_group()


def main():
    torch.set_default_dtype(torch.float64)
    golden = Golden()
    images, labels = data()
    for i, name in enumerate(["sgd", "adam", "norm"]):
        net = network(name == "norm")
        before = values(net)
        if name == "norm":
            losses = train(net, net, name, 0, 1)
            after = values(net)
        else:
            path = os.path.join(OUT, "ddp.tmp")
            mp.spawn(worker, (name, 29520 + i, path), nprocs=RANKS)
            after, losses = torch.load(path)
            os.remove(path)
        tensors = {"before/" + key: single(value.numpy()) for key, value in before.items()}
        tensors.update({"after/" + key: value for key, value in after.items()})
        golden.add(name, {"batch": BATCH, "epochs": EPOCHS, "torch": torch.__version__.split("+")[0]}, losses=losses,
                   images=single(images), labels=labels, **tensors)
    golden.save(os.path.join(OUT, "ddp_torch.safetensors"))


if __name__ == "__main__":
    main()
