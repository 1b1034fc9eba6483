// Runs each .onnx file of a folder in ONNX Runtime and compares with the outputs beside it: node round.js FOLDER
const ort = require('onnxruntime-node');
const fs = require('fs');

function tensors(path) {
  const bytes = fs.readFileSync(path + '.bin');
  let at = 0;
  return JSON.parse(fs.readFileSync(path + '.json', 'utf8')).map((dims) => {
    const size = dims.reduce((a, b) => a * b, 1);
    const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + 4 * size));
    at += 4 * size;
    return new ort.Tensor('float32', data, dims);
  });
}

(async () => {
  let count = 0, wrong = 0, worst = 0;
  for (const name of fs.readdirSync(process.argv[2]).filter((file) => file.endsWith('.onnx')).sort()) {
    const path = process.argv[2] + '/' + name;
    ++count;
    try {
      const session = await ort.InferenceSession.create(path, {logSeverityLevel: 3});
      const x = tensors(path + '.x'), expected = tensors(path + '.y'), feeds = {};
      session.inputNames.forEach((input, i) => { feeds[input] = x[i]; });
      const outputs = await session.run(feeds);
      let off = 0;
      session.outputNames.forEach((output, i) => {
        const got = outputs[output];
        if (JSON.stringify(got.dims) !== JSON.stringify(expected[i].dims)) throw new Error(output + ' is ' + got.dims + ', not ' + expected[i].dims);
        for (let k = 0; k < got.data.length; ++k) {
          const a = got.data[k], b = expected[i].data[k];
          if (Number.isNaN(a) && Number.isNaN(b) || a === b) continue;
          const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
          off = Math.max(off, Number.isNaN(error) ? Infinity : error);
        }
      });
      worst = Math.max(worst, off);
      if (off > 1e-5) { ++wrong; console.log(name + ': off by ' + off); }
    } catch (error) { ++wrong; console.log(name + ': ' + String(error.message).split('\n')[0]); }
  }
  console.log(count + ' files run in ONNX Runtime ' + require('onnxruntime-node/package.json').version + ', ' + wrong + ' wrong, at most ' + worst.toExponential(2) + ' off');
  process.exit(wrong ? 1 : 0);
})();
