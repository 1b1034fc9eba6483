// The files that the programs here share: arrays of NumPy, and models of TensorFlow.js.
const fs = require('fs');
const path = require('path');

exports.npy = (tf, file) => {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').filter((s) => s.trim()).map(Number);
  const values = new Float32Array(new Uint8Array(bytes.subarray(10 + length)).buffer);
  return tf.tensor(values, shape);
};

exports.reader = (file) => ({
  load: async () => {
    const json = JSON.parse(fs.readFileSync(file));
    const specs = [], parts = [];
    for (const group of json.weightsManifest) {
      specs.push(...group.weights);
      for (const shard of group.paths) parts.push(fs.readFileSync(path.join(path.dirname(file), shard)));
    }
    const data = Buffer.concat(parts);
    return {modelTopology: json.modelTopology, weightSpecs: specs, weightData: new Uint8Array(data).buffer};
  },
});
