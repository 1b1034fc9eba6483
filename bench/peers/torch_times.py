"""PyTorch: the median time of a training step (fused Adam, cross-entropy) and of inference of one network, in the
better of its two layouts.
    python3 torch_times.py THREADS NETWORK BATCH      run where networks.py has M, a dict of name: (make, channels, extent)
prints: train|infer BATCH MILLISECONDS
"""
import statistics
import sys
import time

import torch

sys.path.insert(0, "/peers")
import networks  # noqa: E402


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
make, channels, extent = networks.M[name]
best = {}
for layout in (torch.contiguous_format, torch.channels_last):
    x = torch.randn(batch, channels, extent, extent).contiguous(memory_format=layout)
    labels = torch.randint(0, 10 if extent != 224 else 1000, (batch,))
    model = make()
    trained = (model[:-1] if name == "seed" else model).to(memory_format=layout).train()
    optimizer = torch.optim.Adam(trained.parameters(), 1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(trained(x), labels).backward()
        optimizer.step()

    times = {("train", batch): median(step, 2)}
    model.eval()
    with torch.inference_mode():
        for b in (1, batch):
            times["infer", b] = median(lambda: model(x[:b]), 1)
    for case, milliseconds in times.items():
        best[case] = min(milliseconds, best.get(case, milliseconds))
for (what, b), milliseconds in best.items():
    print(what, b, f"{milliseconds:.4f}")
