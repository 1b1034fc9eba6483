"""onnx.checker with full shape inference for each .onnx file of a folder: round_check.py FOLDER"""
import glob
import sys

import onnx

count = wrong = newer = 0
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    model = onnx.load(path)
    if model.ir_version > onnx.IR_VERSION or model.opset_import[0].version > onnx.defs.onnx_opset_version():
        newer += 1
        continue
    count += 1
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # whatever the checker has against the file
        wrong += 1
        print(path, error)
    names = {value.name for value in list(model.graph.value_info) + list(model.graph.output)}
    missing = [name for node in model.graph.node for name in node.output if name and name not in names]
    if missing:
        wrong += 1
        print(path, "values without a shape:", missing)
print(f"{count} files checked by onnx {onnx.__version__}, {newer} of newer opsets left out, {wrong} wrong")
sys.exit(wrong != 0)
