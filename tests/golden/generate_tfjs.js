// Golden values from real TensorFlow.js (float32): Keras's layers and SGD. After `npm install @tensorflow/tfjs`:
//   NODE_PATH=.../node_modules node generate_tfjs.js [FOLDER]
// FOLDER holds seed_data, seed_keras and optimizers_keras.safetensors and takes the results.
const fs = require('fs'), path = require('path');
const tf = require('@tensorflow/tfjs');
const folder = process.argv[2] || __dirname;

function load(name) {
  const file = fs.readFileSync(path.join(folder, name + '.safetensors'));
  const begin = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, begin)), tensors = {};
  delete header.__metadata__;
  for (const [key, {dtype, shape, data_offsets: [b, e]}] of Object.entries(header)) {
    const bytes = file.buffer.slice(file.byteOffset + begin + b, file.byteOffset + begin + e);
    const values = dtype === 'F64' ? new Float64Array(bytes) : dtype === 'I64' ? new BigInt64Array(bytes)
                                                                               : new Float32Array(bytes);
    tensors[key] = {shape, values: Array.from(values, Number)};
  }
  return tensors;
}

function save(name, tensors, metadata) {  // float32 only
  const header = {__metadata__: metadata};
  let offset = 0;
  const names = Object.keys(tensors).sort();
  for (const key of names) {
    const {shape, values} = tensors[key];
    header[key] = {dtype: 'F32', shape, data_offsets: [offset, offset += 4 * values.length]};
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((8 - text.length % 8) % 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = names.map(key => Buffer.from(Float32Array.from(tensors[key].values).buffer));
  fs.writeFileSync(path.join(folder, name + '.safetensors'), Buffer.concat([length, Buffer.from(text), ...data]));
  console.log(`${name}: ${Object.keys(metadata).length} cases, ${names.length} tensors`);
}

const stored = t => ({shape: t.shape, values: Array.from(t.dataSync())});
const made = ({shape, values}) => tf.tensor(values, shape, 'float32');

// Numbers of our own, so that the values do not depend on a library: mulberry32, twelve summed for a normal.
let state = 21;
function uniform() {
  state = (state + 0x6D2B79F5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
function normal(shape, scale = 1, shift = 0) {
  const values = Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum * scale + shift;
  });
  return tf.tensor(values, shape, 'float32');
}
const text = settings => Object.entries(settings).map(([key, value]) => `${key}=${value}`).join(' ');
const largest = (a, b) => a.values.reduce((most, value, i) => Math.max(most, Math.abs(value - b.values[i])), 0);

// Layers ---------------------------------------------------------------------------------------------------------

function layers() {
  const tensors = {}, metadata = {};

  // Stores x, the layer's weights by Keras's names, y, dy, dx and the gradient of every trainable weight.
  function golden(name, settings, layer, shape, {training = false, x = normal(shape), scale = 0.4} = {}) {
    layer.apply(x, {training});  // builds the weights
    layer.setWeights(layer.getWeights().map((w, i) => {
      const variance = layer.weights[i].originalName.endsWith('moving_variance');
      return variance ? normal(w.shape, 0.1, 1) : normal(w.shape, scale);
    }));
    const short = w => w.originalName.split('/').pop();
    const before = layer.weights.map(w => [short(w), stored(w.read())]);
    const input = tf.variable(x), variables = layer.trainableWeights.map(w => w.val);
    const y = layer.apply(x, {training}), dy = normal(y.shape), after = layer.weights.map(w => stored(w.read()));
    const projection = () => tf.sum(tf.mul(layer.apply(input, {training}), dy));
    const {grads} = tf.variableGrads(projection, [input, ...variables]);
    const add = (key, value) => tensors[`${name}/${key}`] = value;
    add('x', stored(x)), add('y', stored(y)), add('dy', stored(dy));
    if (consistent(name, projection, input, grads[input.name])) add('dx', stored(grads[input.name]));
    const named = key => settings.layer === 'DepthwiseConv2D' ? key.replace('depthwise_', '') : key;
    for (const [key, value] of before) add(named(key), value);
    layer.trainableWeights.forEach(w => add('d' + named(short(w)), stored(grads[w.val.name])));
    if (training) before.forEach(([key], i) => key.startsWith('moving') && add('new_' + key, after[i]));
    metadata[name] = text(settings);
  }

  // A gradient that disagrees with differences of the layer's own output is TensorFlow.js's mistake: not stored.
  function consistent(name, projection, input, gradient) {
    const x = input.clone(), direction = normal(x.shape), h = 2e-4;
    const at = step => (input.assign(x.add(direction.mul(step))), projection().dataSync()[0]);
    const numeric = (at(h) - at(-h)) / (2 * h), analytic = tf.sum(gradient.mul(direction)).dataSync()[0];
    input.assign(x);
    const fits = Math.abs(numeric - analytic) < 2e-2 * Math.max(1, Math.abs(numeric));
    if (!fits) console.log(`  ${name}: dx left out, by differences ${numeric}, by TensorFlow.js ${analytic}`);
    return fits;
  }

  const l = tf.layers;
  for (const [name, shape, filters, kernelSize, strides, padding, dilationRate] of [
         ['conv_valid', [2, 5, 6, 3], 4, [3, 3], [1, 1], 'valid', [1, 1]],
         ['conv_valid_stride2', [2, 6, 7, 3], 4, [3, 3], [2, 2], 'valid', [1, 1]],
         ['conv_same', [2, 5, 6, 3], 4, [3, 3], [1, 1], 'same', [1, 1]],
         ['conv_same_even_kernel', [1, 5, 6, 2], 3, [2, 4], [1, 1], 'same', [1, 1]],
         ['conv_same_stride2_even', [2, 6, 8, 2], 3, [3, 3], [2, 2], 'same', [1, 1]],
         ['conv_same_stride2_odd', [2, 7, 5, 2], 3, [3, 3], [2, 2], 'same', [1, 1]],
         ['conv_same_stride3', [1, 8, 10, 2], 3, [5, 5], [3, 3], 'same', [1, 1]],
         ['conv_same_1x1_stride2', [1, 5, 6, 2], 3, [1, 1], [2, 2], 'same', [1, 1]]])
    golden(name, {layer: 'Conv2D', filters, kernel_size: kernelSize, strides, padding, dilation: dilationRate},
           l.conv2d({filters, kernelSize, strides, padding, dilationRate}), shape);
  for (const activation of ['relu', 'sigmoid'])
    golden('conv_' + activation,
           {layer: 'Conv2D', filters: 4, kernel_size: [3, 3], strides: [2, 2], padding: 'same', dilation: [1, 1],
            activation},
           l.conv2d({filters: 4, kernelSize: 3, strides: 2, padding: 'same', activation}), [2, 6, 5, 3]);
  for (const [name, strides, padding, depthMultiplier] of [
         ['depthwise_same', [1, 1], 'same', 1], ['depthwise_same_stride2', [2, 2], 'same', 1],
         ['depthwise_valid_multiplier2', [1, 1], 'valid', 2]])
    golden(name,
           {layer: 'DepthwiseConv2D', kernel_size: [3, 3], strides, padding, depth_multiplier: depthMultiplier},
           l.depthwiseConv2d({kernelSize: 3, strides, padding, depthMultiplier}), [2, 6, 5, 3]);
  for (const [name, strides, padding, depthMultiplier] of [
         ['separable_same', [1, 1], 'same', 1], ['separable_valid_stride2_multiplier2', [2, 2], 'valid', 2]])
    golden(name, {layer: 'SeparableConv2D', filters: 4, kernel_size: [3, 3], strides, padding,
                  depth_multiplier: depthMultiplier},
           l.separableConv2d({filters: 4, kernelSize: 3, strides, padding, depthMultiplier}), [2, 6, 5, 3]);
  for (const [name, kernelSize, strides, padding] of [
         ['transpose_same', [3, 3], [1, 1], 'same'], ['transpose_same_stride2', [3, 3], [2, 2], 'same'],
         ['transpose_valid', [3, 2], [1, 1], 'valid'], ['transpose_valid_stride2', [3, 3], [2, 2], 'valid']])
    golden(name, {layer: 'Conv2DTranspose', filters: 2, kernel_size: kernelSize, strides, padding},
           l.conv2dTranspose({filters: 2, kernelSize, strides, padding}), [2, 3, 4, 3]);
  for (const [name, poolSize, strides, padding] of [
         ['pool_valid', [2, 2], [2, 2], 'valid'], ['pool_same', [2, 2], [2, 2], 'same'],
         ['pool_same_3x3_stride2', [3, 3], [2, 2], 'same'], ['pool_same_stride1', [3, 2], [1, 1], 'same']]) {
    const settings = {pool_size: poolSize, strides, padding};
    golden('max_' + name, {layer: 'MaxPool2D', ...settings}, l.maxPooling2d({poolSize, strides, padding}),
           [2, 5, 6, 3]);
    golden('average_' + name, {layer: 'AveragePool2D', ...settings},
           l.averagePooling2d({poolSize, strides, padding}), [2, 5, 6, 3]);
  }
  golden('global_average_pool', {layer: 'GlobalAveragePool2D'}, l.globalAveragePooling2d({}), [2, 4, 5, 3]);
  golden('global_max_pool', {layer: 'GlobalMaxPool2D'}, l.globalMaxPooling2d({}), [2, 4, 5, 3]);
  golden('up_sampling', {layer: 'UpSampling2D', size: [2, 3]}, l.upSampling2d({size: [2, 3]}), [2, 3, 2, 3]);
  golden('zero_padding', {layer: 'ZeroPadding2D', pads: [1, 0, 2, 3]},
         l.zeroPadding2d({padding: [[1, 0], [2, 3]]}), [2, 3, 2, 2]);
  golden('dense', {layer: 'Dense', units: 5}, l.dense({units: 5}), [3, 7]);
  golden('dense_rank3', {layer: 'Dense', units: 5}, l.dense({units: 5}), [2, 3, 4]);
  golden('dense_softmax', {layer: 'Dense', units: 5, activation: 'softmax'},
         l.dense({units: 5, activation: 'softmax'}), [3, 7]);
  for (const [name, shape] of [['rank4', [2, 3, 2, 4]], ['rank2', [5, 3]]])
    for (const training of [false, true])
      golden(`batch_norm_${name}_${training ? 'training' : 'inference'}`,
             {layer: 'BatchNorm', momentum: 0.9, epsilon: 0.001, variance: 'biased', training},
             l.batchNormalization({momentum: 0.9}), shape, {training, scale: 1});
  const x = tf.tensor([[-9, -5.5, -3.5, -2.4, -1.2, -0.4, -0.05, 0.05], [0.3, 0.9, 1.7, 2.4, 3.5, 5.5, 9, 15]]);
  const keel = {logSoftmax: 'log_softmax', swish: 'silu', gelu_new: 'gelu_tanh',
                hardSigmoid: 'hard_sigmoid_keras2'};
  for (const activation of ['linear', 'relu', 'relu6', 'elu', 'selu', 'gelu', 'gelu_new', 'swish', 'sigmoid',
                            'hardSigmoid', 'tanh', 'softplus', 'softmax', 'logSoftmax']) {
    const kind = keel[activation] || activation;
    golden('activation_' + kind, {layer: 'Activation', activation: kind}, l.activation({activation}), x.shape,
           {x});
  }
  golden('activation_leaky_relu', {layer: 'Activation', activation: 'leaky_relu', alpha: 0.3}, l.leakyReLU({}),
         x.shape, {x});
  save('layers_tfjs', tensors, metadata);
}

// SGD, fed with the gradients of optimizers_keras ----------------------------------------------------------------

function optimizers() {
  const source = load('optimizers_keras'), tensors = {}, metadata = {};
  for (const [name, optimizer] of [['sgd', tf.train.sgd(0.1)], ['sgd_momentum', tf.train.momentum(0.1, 0.9)],
                                   ['sgd_nesterov', tf.train.momentum(0.1, 0.9, true)]]) {
    const row = (array, step) => tf.slice(made(array), step, 1).squeeze([0]);
    const weights = ['kernel', 'bias'].map(key => {
      const expected = source[`${name}/${key}`], variable = tf.variable(row(expected, 0), true, `${name}_${key}`);
      return {key, expected, gradient: source[`${name}/d${key}`], variable, values: [...variable.dataSync()]};
    });
    for (let step = 0; step < 20; step++) {
      optimizer.applyGradients(Object.fromEntries(weights.map(w => [w.variable.name, row(w.gradient, step)])));
      for (const w of weights) w.values.push(...w.variable.dataSync());
    }
    for (const {key, expected, values} of weights) {
      tensors[`${name}/${key}`] = {shape: expected.shape, values};
      console.log(`  ${name} ${key}: off Keras's formula by ${largest({values}, expected)}`);
    }
    metadata[name] = 'gradients=optimizers_keras';
  }
  save('optimizers_tfjs', tensors, metadata);
}

// The seed's network ---------------------------------------------------------------------------------------------

async function seed() {
  const data = load('seed_data'), reference = load('seed_keras'), tensors = {}, metadata = {};
  const weights = ['conv/kernel', 'conv/bias', 'batch_norm/gamma', 'batch_norm/beta', 'batch_norm/moving_mean',
                   'batch_norm/moving_variance', 'dense/kernel', 'dense/bias', 'dense_1/kernel', 'dense_1/bias'];
  const start = {...data, 'seed/batch_norm/moving_mean': {shape: [8], values: Array(8).fill(0)},
                 'seed/batch_norm/moving_variance': {shape: [8], values: Array(8).fill(1)}};
  for (const [name, activation, loss] of [
         ['sgd_softmax', 'softmax', 'categoricalCrossentropy'],
         ['sgd_logits', 'linear', (t, y) => tf.losses.softmaxCrossEntropy(t, y)]]) {
    const l = tf.layers, model = tf.sequential({layers: [
      l.conv2d({filters: 8, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [16, 16, 1]}),
      l.batchNormalization({momentum: 0.15}), l.flatten(), l.dense({units: 12, activation: 'relu'}),
      l.dense({units: 10, activation})]});
    model.compile({optimizer: tf.train.sgd(0.005), loss});
    const [conv, batchNorm, , dense, dense1] = model.layers;
    const parts = [[conv, 0, 2], [batchNorm, 2, 6], [dense, 6, 8], [dense1, 8, 10]];
    for (const [layer, begin, end] of parts)
      layer.setWeights(weights.slice(begin, end).map(key => made(start['seed/' + key])));
    const curve = [];
    for (let step = 1; step <= 20; step++) {
      const at = Array.from({length: 8}, (_, i) => (8 * (step - 1) + i) % 40);
      const images = tf.gather(made(data['seed/images']), at);
      const labels = tf.oneHot(tf.tensor1d(at.map(i => data['seed/labels'].values[i]), 'int32'), 10);
      curve.push(await model.trainOnBatch(images, labels.toFloat()));
      if (![1, 10, 20].includes(step)) continue;
      for (const [layer, begin, end] of parts)
        layer.getWeights().forEach(
            (value, i) => keep(tensors, `${name}/step${step}/${weights[begin + i]}`, value));
    }
    tensors[name + '/loss'] = {shape: [20], values: curve};
    metadata[name] = text({optimizer: 'SGD', learning_rate: 0.005, bn_momentum: 0.15, bn_epsilon: 0.001,
                           bn_variance: 'biased', loss: 'sparse_categorical_crossentropy',
                           from_logits: activation === 'linear'});
    for (const key of Object.keys(tensors).filter(key => key.startsWith(name)))
      if (largest(tensors[key], reference[key]) > 2e-6)
        console.log(`  ${key}: off Keras's formulas by ${largest(tensors[key], reference[key])}`);
  }
  save('seed_tfjs', tensors, metadata);
}

function keep(tensors, key, value) {  // as in generate_torch.py
  if (value.size <= 4096) {
    tensors[key] = stored(value);
    return;
  }
  const [rows, columns] = value.shape, values = value.dataSync(), every = [], mean = Array(columns).fill(0);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      mean[column] += values[row * columns + column] / rows;
      if (row % 7 === 0) every.push(values[row * columns + column]);
    }
  tensors[key + '.rows7'] = {shape: [Math.ceil(rows / 7), columns], values: every};
  tensors[key + '.mean'] = {shape: [columns], values: mean};
}

tf.setBackend('cpu').then(async () => {
  layers();
  optimizers();
  await seed();
});
