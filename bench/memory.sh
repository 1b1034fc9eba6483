#!/usr/bin/env bash
# Peak resident memory of a process that runs one of the five networks, in MB, in brackets what it had before the network
# was built or loaded:
#   resnet18 infer b=1 keel 105 (4) onnxruntime 180 (60)
#   resnet18 train b=8 keel 405 (4) torch 900 (240)
# usage: bench/memory.sh [PEERS_DIR]      PEERS_DIR as for compare.sh
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
peers=${1:-$HOME/keel-peers}
[ -d "$peers/node" ] && [ -d "$peers/forky" ] || { echo "no peers in $peers: see the head of bench/compare.sh" >&2; exit 2; }
cmake -S "$here" -B "$here/build/bench" -DCMAKE_BUILD_TYPE=Release -DKEEL_BUILD_TESTS=OFF -DKEEL_BUILD_EXAMPLES=OFF >/dev/null
cmake --build "$here/build/bench" --target memory >/dev/null

onnxruntime='
const ort = require("onnxruntime-node"), [name, batch, channels, side, folder] = process.argv.slice(1);
const peak = () => process.resourceUsage().maxRSS * 1024 / 1e6;
(async () => {
  const before = peak(), dims = [+batch, +channels, +side, +side];
  const session = await ort.InferenceSession.create(`${folder}/${name}.onnx`, {intraOpNumThreads: 1});
  const x = new ort.Tensor("float32", new Float32Array(dims.reduce((a, b) => a * b)).fill(0.5), dims);
  for (let run = 0; run < 3; ++run) await session.run({x});
  console.log(before.toFixed(0), peak().toFixed(0));
})();'
torch='
import resource, sys
sys.path.insert(0, "/peers")
import torch, networks
name, batch = sys.argv[1], int(sys.argv[2])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
torch.set_num_threads(1)
before = peak()
make, channels, side = networks.M[name]
model = make()
if name == "seed": model = model[:-1]
x, y = torch.full((batch, channels, side, side), 0.5), torch.ones(batch, dtype=torch.long)
optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
for step in range(3):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
print(f"{before:.0f} {peak():.0f}")'
line() { printf '%s (%s)' "$2" "$1"; }

while read -r name channels side batch; do
  for b in 1 "$batch"; do
    echo "$name infer b=$b keel $(line $("$here/build/bench/bench/memory" "$name" infer "$b"))" \
      "onnxruntime $(line $(cd "$peers/node" && node -e "$onnxruntime" "$name" "$b" "$channels" "$side" "$peers/forky/peers"))"
  done
  echo "$name train b=$batch keel $(line $("$here/build/bench/bench/memory" "$name" train "$batch"))" \
    "torch $(line $(chroot "$peers/forky" python3 -c "$torch" "$name" "$batch" 2>/dev/null))"
done <<'NETWORKS'
seed 1 64 32
mnist 1 28 32
resnet20 3 32 32
mbv1 3 224 8
resnet18 3 224 8
NETWORKS
