// TensorFlow.js's side of grid.cpp: runs each model.json and writes DIR/results_TensorFlow.js.tsv, lines of number, format, largest
// difference in units of the largest value or of 1 ("-": it fails), text.
//   node grid_tfjs.js DIR MODULES     MODULES: a node_modules with @tensorflow/tfjs
const fs = require('fs');
const path = require('path');
const {npy, reader} = require('./tfjs_files.js');
const [folder, modules] = process.argv.slice(2);
const tf = require(path.join(modules, '@tensorflow/tfjs'));

function arrays(at, letter) {
  const all = [];
  for (let file; fs.existsSync(file = path.join(at, `${letter}${all.length}.npy`));) all.push(npy(tf, file));
  return all;
}
function difference(found, wanted) {
  const shapes = (tensors) => tensors.map((t) => `[${t.shape}]`).join(' ');
  if (shapes(found) !== shapes(wanted)) throw new Error(`shapes ${shapes(found)} for ${shapes(wanted)}`);
  let largest = 1, worst = 0;
  found.forEach((tensor, i) => {
    const a = tensor.dataSync(), b = wanted[i].dataSync();
    for (let k = 0; k < a.length; ++k) {
      largest = Math.max(largest, Math.abs(b[k]));
      if (!(Math.abs(a[k] - b[k]) <= worst)) worst = Math.abs(a[k] - b[k]);
    }
  });
  return worst / largest;
}

async function main() {
  await tf.setBackend('cpu');
  const results = fs.openSync(path.join(folder, 'results_TensorFlow.js.tsv'), 'w');
  for (const line of fs.readFileSync(path.join(folder, 'grid.tsv'), 'utf8').split('\n')) {
    const [number, type, option, value, , format, state] = line.split('\t');
    if (format !== 'json' || state !== 'written') continue;
    const at = path.join(folder, number);
    let worst = '-', text = '';
    tf.engine().startScope();
    try {
      const model = await tf.loadLayersModel(reader(path.join(at, 'model.json')));
      const found = model.predict(arrays(at, 'x'));
      worst = difference([].concat(found), arrays(at, 'y')).toExponential(3);
      const layer = model.getLayer('subject');
      // only BatchNorm goes on counting where gradients alone are frozen
      const trainable = value !== 'layer' && type === 'BatchNormalization';
      if (option === 'freeze' && layer.weights.length && layer.trainable !== trainable) throw new Error('trainable is another');
    } catch (error) {
      worst = '-';
      text = String(error.message || error).replace(/\s+/g, ' ').slice(0, 300);
    }
    tf.engine().endScope();
    fs.writeSync(results, `${number}\t${format}\t${worst}\t${text}\n`);
  }
}
main().catch((error) => {
  console.log(`not ok TensorFlow.js: ${error.stack}`);
  process.exit(1);
});
