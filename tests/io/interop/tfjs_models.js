// TensorFlow.js's side of models.cpp: loads each tfjs_NAME/model.json, compares outputs; takes the same weights from NAME.h5 with
// h5wasm, compares again; then writes its own model.json to tfjs_NAME/back. Prints `ok NAME` and `not ok NAME` lines.
//   node tfjs_models.js DIR MODULES [start | end]     MODULES: a node_modules with @tensorflow/tfjs and h5wasm
// start: makes the journey's network, as Keras has it, and one with models inside. end: takes it back from keel and trains it for five steps.
const fs = require('fs');
const path = require('path');
const files = require('./tfjs_files.js');
const [folder, modules, part] = process.argv.slice(2);
const tf = require(path.join(modules, '@tensorflow/tfjs'));

const npy = (file) => files.npy(tf, file), reader = files.reader;
function writeNpy(file, tensor) {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${tensor.shape.join(', ')},), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  fs.writeFileSync(file, Buffer.concat([prefix, Buffer.from(padded, 'latin1'), Buffer.from(tensor.dataSync().slice().buffer)]));
}
const worst = (a, b) => a.sub(b).abs().max().dataSync()[0];
const report = (name, good, detail) => console.log(`${good ? '' : 'not '}ok ${name} (${detail})`);

/// "conv tower(conv norm)"; without inputs, of which a Sequential shows none.
const names = (layers) => layers.filter((l) => (l.class_name || l.getClassName()) !== 'InputLayer').map((l) => {
  const inner = l.layers || (l.config && l.config.layers);
  return (l.name || l.config.name).split('/').pop() + (inner ? `(${names(inner)})` : '');
}).join(' ');

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

async function start() {
  const journey = path.join(folder, 'journey');
  const initializer = (seed) => tf.initializers.glorotUniform({seed});
  const model = tf.sequential({layers: [
    tf.layers.conv2d({inputShape: [64, 64, 1], filters: 32, kernelSize: 3, padding: 'same', activation: 'relu', kernelInitializer: initializer(1)}),
    tf.layers.batchNormalization({momentum: 0.15}), tf.layers.flatten(),
    tf.layers.dense({units: 100, activation: 'relu', kernelInitializer: initializer(2)}),
    tf.layers.dense({units: 10, activation: 'softmax', kernelInitializer: initializer(3)})]});
  const moved = tf.range(0, 32).div(64);
  model.layers[1].setWeights([moved.add(1), moved.sub(0.2), moved.mul(0.5), moved.add(0.5)]);
  await model.save(writer(path.join(journey, 'keras/model.json')));
  writeNpy(path.join(journey, 'keras_y.npy'), model.predict(npy(path.join(journey, 'x.npy'))));
}

/// A model that is called twice, with a Sequential inside and a frozen layer, whose weights come last in the file.
async function nested() {
  const at = path.join(folder, 'nested_by_tfjs');
  const dense = (name, units) => tf.layers.dense({name, units, activation: 'tanh', biasInitializer: 'randomUniform'});
  const deep = tf.sequential({name: 'deep', layers: [tf.layers.inputLayer({inputShape: [5]}), dense('first', 5), dense('second', 5)]});
  const from = tf.input({shape: [5], name: 'from'}), scale = tf.layers.dense({name: 'scale', units: 5, useBias: false});
  const inside = deep.apply(from);
  const shared = tf.model({name: 'shared', inputs: from, outputs: tf.layers.add({name: 'sum'}).apply([scale.apply(from), inside])});
  shared.layers.forEach((layer) => layer.trainable = layer.name !== 'scale');
  const x = tf.input({shape: [5], name: 'x'});
  const once = shared.apply(x), twice = shared.apply(dense('between', 5).apply(once));
  const head = tf.sequential({name: 'head', layers: [tf.layers.inputLayer({inputShape: [10]}), dense('last', 3)]});
  const model = tf.model({inputs: x, outputs: head.apply(tf.layers.concatenate({name: 'both'}).apply([once, twice]))});
  await model.save(writer(path.join(at, 'model.json')));
  const input = tf.range(0, 20).sin().reshape([4, 5]);
  writeNpy(path.join(at, 'x.npy'), input);
  writeNpy(path.join(at, 'y.npy'), model.predict(input));
}

async function end() {
  const journey = path.join(folder, 'journey');
  const x = npy(path.join(journey, 'x.npy')), y = npy(path.join(journey, 'keras_y.npy'));
  const model = await tf.loadLayersModel(reader(path.join(journey, 'back/model.json')));
  const difference = worst(model.predict(x), y);
  report('journey: back in Keras the outputs of Keras', difference <= 1e-5, difference.toExponential(1));
  model.compile({optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError'});
  for (let step = 0; step < 5; ++step) await model.trainOnBatch(x, tf.fill([x.shape[0], 10], 0.1));
  await model.save(writer(path.join(journey, 'trained/model.json')));
}

async function main() {
  await tf.setBackend('cpu');
  if (part === 'start') return start().then(nested);
  if (part) return end();
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
      const written = JSON.parse(fs.readFileSync(path.join(at, 'model.json'))).modelTopology.model_config.config.layers;
      const mine = names(model.layers), theirs = names(written);
      report(`${name}: models inside, and layers in the order of TensorFlow.js`, mine === theirs, mine);
      if (h5wasm) {
        const file = new h5wasm.File(path.join(folder, name + '.h5'), 'r');
        const config = JSON.parse(file.attrs['model_config'].value).config;
        if (names(config.layers) !== theirs) throw new Error('other layers in .h5');
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
      writeNpy(path.join(at, 'back/y.npy'), model.predict(x));
    } catch (error) {
      console.log(`not ok ${name}: ${String(error.stack || error).replace(/\n/g, ' ').slice(0, 400)}`);
    }
  }
}
main().catch((error) => console.log(`not ok TensorFlow.js: ${String(error.stack || error).replace(/\n/g, ' ').slice(0, 400)}`));
