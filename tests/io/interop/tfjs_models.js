// TensorFlow.js's side of models.cpp: loads each tfjs_NAME/model.json, compares outputs; takes the same weights from NAME.h5 with
// h5wasm, compares again; then writes its own model.json to tfjs_NAME/back. Prints `ok NAME` and `not ok NAME` lines.
//   node tfjs_models.js DIR MODULES     MODULES: a node_modules with @tensorflow/tfjs and h5wasm
const fs = require('fs');
const path = require('path');
const [folder, modules] = process.argv.slice(2);
const tf = require(path.join(modules, '@tensorflow/tfjs'));

function npy(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(',').filter((s) => s.trim()).map(Number);
  const values = new Float32Array(new Uint8Array(bytes.subarray(10 + length)).buffer);
  return tf.tensor(values, shape);
}
const worst = (a, b) => a.sub(b).abs().max().dataSync()[0];
const report = (name, good, detail) => console.log(`${good ? '' : 'not '}ok ${name} (${detail})`);

const reader = (file) => ({
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
const writer = (file) => ({
  save: async (artifacts) => {
    fs.mkdirSync(path.dirname(file), {recursive: true});
    const data = tf.io.concatenateArrayBuffers ? tf.io.concatenateArrayBuffers([].concat(artifacts.weightData)) : artifacts.weightData;
    fs.writeFileSync(path.join(path.dirname(file), 'weights.bin'), Buffer.from(data));
    fs.writeFileSync(file, JSON.stringify({
      format: 'layers-model', generatedBy: artifacts.generatedBy, convertedBy: null, modelTopology: artifacts.modelTopology,
      weightsManifest: [{paths: ['weights.bin'], weights: artifacts.weightSpecs}],
    }));
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  },
});

async function main() {
  await tf.setBackend('cpu');
  let h5wasm = null;
  try {
    h5wasm = await import(path.join(modules, 'h5wasm/dist/node/hdf5_hl.js'));
    await h5wasm.ready;
  } catch (error) {
    console.log('note no h5wasm: ' + error.message);
  }
  for (const directory of fs.readdirSync(folder).filter((d) => d.startsWith('tfjs_')).sort()) {
    const name = directory.slice(5), at = path.join(folder, directory);
    if (!fs.existsSync(path.join(at, 'model.json'))) continue;
    try {
      const model = await tf.loadLayersModel(reader(path.join(at, 'model.json')));
      const x = npy(path.join(at, 'x.npy')), y = npy(path.join(at, 'y.npy'));
      const difference = worst(model.predict(x), y);
      report(`${name}: outputs of TensorFlow.js ${tf.version.tfjs}`, difference <= 1e-5, difference.toExponential(1));
      if (h5wasm) {
        const file = new h5wasm.File(path.join(folder, name + '.h5'), 'r');
        JSON.parse(file.attrs['model_config'].value);
        for (const layer of model.layers) {
          if (!layer.weights.length) continue;
          const group = file.get('model_weights/' + layer.name);
          layer.setWeights(group.attrs['weight_names'].value.map((weight) => {
            const data = group.get(weight);
            return tf.tensor(Float32Array.from(data.value), data.shape).mul(0.9);
          }));
        }
        const changed = worst(model.predict(x), y);
        for (const layer of model.layers) layer.setWeights(layer.getWeights().map((w) => w.div(0.9)));
        const same = worst(model.predict(x), y);
        report(`${name}: weights of .h5 through h5wasm`, same <= 1e-5 && changed > same, same.toExponential(1));
        file.close();
      }
      await model.save(writer(path.join(at, 'back/model.json')));
      const own = model.predict(x);
      const values = Buffer.from(own.dataSync().slice().buffer);
      const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${own.shape.join(', ')},), }`;
      const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
      const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
      fs.writeFileSync(path.join(at, 'back/y.npy'), Buffer.concat([prefix, Buffer.from(padded, 'latin1'), values]));
    } catch (error) {
      console.log(`not ok ${name}: ${String(error.stack || error).replace(/\n/g, ' ').slice(0, 400)}`);
    }
  }
}
main();
