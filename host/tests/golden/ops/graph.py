"""Building small quantised ONNX graphs and running them on onnxruntime."""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper


class Case:
    """A graph under construction. `x` is always the int8 value that the next operator reads."""

    def __init__(self, name, frames, features, shape, scale, zero_point, unsigned=False, quantized_input=False):
        """`shape` is that of the input: one axis has the extent `features`, one `frames`.

        Zero points are always given for int8; an `unsigned` graph has them, and its activations, 128 higher as uint8.
        """
        self.name, self.frames, self.features, self.shape = name, frames, features, list(shape)
        self.scale, self.zero_point = np.float32(scale), np.int8(zero_point)
        self.unsigned, self.quantized_input = unsigned, quantized_input
        self.nodes, self.constants, self.count = [], [], 0
        self.output = None
        self.x = "features" if quantized_input else self.quantize("features", self.scale, self.zero_point)

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, inputs, **attributes):
        self.count += 1
        output = f"t{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=f"{kind}{self.count}", **attributes))
        return output

    def byte(self, zero_point):
        return self.constant(np.uint8(int(zero_point) + 128) if self.unsigned else np.int8(zero_point))

    def quantize(self, value, scale, zero_point):
        scale, zero_point = self.constant(np.float32(scale)), self.byte(zero_point)
        return self.op("QuantizeLinear", [value, scale, zero_point])

    def dequantize(self, value, scale, zero_point):
        scale, zero_point = self.constant(np.float32(scale)), self.byte(zero_point)
        return self.op("DequantizeLinear", [value, scale, zero_point])

    def conv(self, weights, x, w_scale, y, bias=None, **attributes):
        """QLinearConv; `x` and `y` are (scale, zero point)."""
        self.x = self.op("QLinearConv", self.product_inputs(weights, x, w_scale, y, bias), **attributes)

    def matmul(self, weights, x, w_scale, y):
        self.x = self.op("QLinearMatMul", self.product_inputs(weights, x, w_scale, y, None))

    def product_inputs(self, weights, x, w_scale, y, bias):
        w_scale = np.asarray(w_scale, np.float32)
        inputs = [
            self.x,
            self.constant(np.float32(x[0])),
            self.byte(x[1]),
            self.constant(weights.astype(np.int8)),
            self.constant(w_scale),
            self.constant(np.zeros(w_scale.shape, np.int8)),
            self.constant(np.float32(y[0])),
            self.byte(y[1]),
        ]
        return inputs + ([] if bias is None else [self.constant(bias.astype(np.int32))])

    def finish(self, order, length, scale=0.1, zero_point=0):
        """Ends the graph: axes in the order in which the engine stores them, flattened, as real numbers."""
        if list(order) != sorted(order):
            self.x = self.op("Transpose", [self.x], perm=list(order))
        self.x = self.op("Reshape", [self.x, self.constant(np.array([1, length], np.int64))])
        self.output = (np.float32(scale), int(zero_point), length)
        self.nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [self.x, self.constant(np.float32(scale)), self.byte(zero_point)],
                ["logits"],
                name="logits",
            )
        )
        return self

    def model(self) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "case",
            [helper.make_tensor_value_info("features", self.input_type(), self.shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, self.output[2]])],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="")
        return model.SerializeToString()

    def input_type(self):
        if not self.quantized_input:
            return TensorProto.FLOAT
        return TensorProto.UINT8 if self.unsigned else TensorProto.INT8

    def arranged(self, window):
        """A window (frames x features) as the graph's input."""
        long = [extent for extent in self.shape if extent > 1]
        features_first = len(self.shape) <= 3 and long == [self.features, self.frames]
        return (window.T if features_first else window).reshape(self.shape)


def run(model: bytes, case: Case, inputs: np.ndarray) -> np.ndarray:
    """The quantised logits for each window of quantised features, from onnxruntime without any rewriting of the graph."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    scale, zero_point, _ = case.output
    outputs = []
    for window in inputs:
        real = (window.astype(np.int32) - int(case.zero_point)).astype(np.float32) * case.scale
        logits = session.run(None, {"features": case.arranged(real)})[0].reshape(-1)
        outputs.append((np.rint(logits / scale) + zero_point).astype(np.int8))
    return np.stack(outputs)
