// ONNX Runtime for Node: the median time of inference of one network, one sample and a batch.
//   node onnxruntime.js THREADS NETWORK.onnx BATCH EXTENT...      run where node_modules has onnxruntime-node
// prints: BATCH MILLISECONDS
const runtime = require('module').createRequire(process.cwd() + '/')('onnxruntime-node');
const [threads, file, batch, ...extents] = process.argv.slice(2).map((a, i) => (i === 1 ? a : +a));

(async () => {
  const session =
      await runtime.InferenceSession.create(file, {intraOpNumThreads: threads, graphOptimizationLevel: 'all'});
  for (const b of new Set([1, batch])) {
    const dims = [b, ...extents];
    const values = Float32Array.from({length: dims.reduce((p, q) => p * q)}, () => Math.random());
    const x = new runtime.Tensor('float32', values, dims);
    const times = [];
    await session.run({x});
    for (const begin = performance.now(); performance.now() - begin < 1500 || times.length < 3;) {
      const start = performance.now();
      await session.run({x});
      times.push(performance.now() - start);
    }
    times.sort((p, q) => p - q);
    console.log(b, times[times.length >> 1].toFixed(4));
  }
})();
