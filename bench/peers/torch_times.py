"""PyTorch: the median time of a training step (fused Adam, cross-entropy) and of inference of one network, images in the
better of their two layouts.
    python3 torch_times.py THREADS NETWORK BATCH      run where /peers has layer_networks.py and networks.py, which has M,
                                                      a dict of name: (make, channels, extent)
prints: train|infer BATCH MILLISECONDS
"""
import statistics
import sys
import time

import torch

sys.path.insert(0, "/peers")


def median(run, seconds):
    run()
    run()
    times, begin = [], time.time()
    while time.time() - begin < seconds or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


threads, name, batch = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
if name in ("conv1d", "lstm", "gru", "encoder", "unet"):
    import layer_networks

    make, *extents = layer_networks.M[name]
else:
    import networks

    make, channels, extent = networks.M[name]
    extents = [channels, extent, extent]
best = {}
for layout in (torch.contiguous_format, torch.channels_last)[: len(extents) - 1]:
    x = torch.randn(batch, *extents).contiguous(memory_format=layout)
    model = make()
    trained = (model[:-1] if name == "seed" else model).to(memory_format=layout).train()
    scores = trained(x).shape
    labels = torch.randint(0, scores[1], (scores[0], *scores[2:]))
    optimizer = torch.optim.Adam(trained.parameters(), 1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(trained(x), labels).backward()
        optimizer.step()

    times = {("train", batch): median(step, 2)}
    model.eval()
    with torch.inference_mode():
        for b in {1, batch}:
            times["infer", b] = median(lambda: model(x[:b]), 1)
    for case, milliseconds in times.items():
        best[case] = min(milliseconds, best.get(case, milliseconds))
for (what, b), milliseconds in best.items():
    print(what, b, f"{milliseconds:.4f}")
