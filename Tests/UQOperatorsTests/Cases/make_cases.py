"""Writes onnx.json: nodes of every operator set with operands and the results that NumPy or
ONNX Runtime computes for them. Needs numpy, onnx and onnxruntime."""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

rng = np.random.default_rng(7)
cases = []


class C:
    """A constant operand."""

    def __init__(self, value, dtype=None):
        self.value = np.array(value, dtype=dtype)


def ints(*values):
    return C(values, np.int64)


def dump(a):
    a = np.asarray(a)
    # The shortest decimals that read back as the same number.
    values = [float(str(v)) if a.dtype.kind == "f" else int(v) for v in a.flatten()]
    return {"element": a.dtype.name, "shape": list(a.shape), "values": values}


def attribute(value):
    if isinstance(value, (int, np.integer)):
        return {"i": int(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, str):
        return {"s": value}
    if isinstance(value, np.ndarray):
        return {"t": dump(value)}
    if value and isinstance(value[0], float):
        return {"fs": value}
    return {"is": list(value)}


def runtime(op, version, attributes, operands, results):
    names = ["" if o is None else f"x{i}" for i, o in enumerate(operands)]
    values = {n: o.value if isinstance(o, C) else o for n, o in zip(names, operands) if n}
    outputs = [f"y{i}" for i in range(results)]
    wrapped = {k: onnx.numpy_helper.from_array(v) if isinstance(v, np.ndarray) else v
               for k, v in attributes.items()}
    node = helper.make_node(op, names, outputs, **wrapped)
    types = lambda a: helper.np_dtype_to_tensor_dtype(a.dtype)
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info(n, types(v), v.shape) for n, v in values.items()],
        [onnx.ValueInfoProto(name=n) for n in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, values)


def case(op, version, operands, attributes={}, expected=None, results=1):
    if expected is None:
        expected = runtime(op, version, attributes, operands, results)
    if not isinstance(expected, (list, tuple)):
        expected = [expected]
    cases.append({
        "name": f"{op}-{version} #{len(cases)}", "op": op, "version": version,
        "attributes": {k: attribute(v) for k, v in attributes.items()},
        "operands": [None if o is None else
                     dict(dump(o.value if isinstance(o, C) else o), constant=isinstance(o, C))
                     for o in operands],
        "results": results, "expected": [dump(e) for e in expected]})


def f(*shape, low=-3.0, high=3.0):
    return np.round(rng.uniform(low, high, shape), 3).astype(np.float32)


x = f(2, 3, 4)
image = f(1, 2, 3, 4)

# Arithmetic, with the broadcasting of each operator set.
for op, g in [("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide)]:
    y = f(2, 3, 4, low=1, high=2)
    case(op, 1, [x, y], {}, g(x, y))
    case(op, 6, [x, y[0, :, 0]], {"broadcast": 1, "axis": 1}, g(x, y[:1, :, :1]))
    case(op, 6, [x, y[:, :, 0]], {"broadcast": 1, "axis": 0}, g(x, y[:, :, 0, None]))
    case(op, 6, [x, y[0]], {"broadcast": 1}, g(x, y[0]))
    case(op, 7, [x, f(4, low=1, high=2)])
    case(op, 14, [f(3, 1), f(2, 1, 4, low=1, high=2)])
    case(op, 14, [f(2, 1, 4), C(f(3, 1, low=1, high=2))])
    case(op, 14, [np.array([7, -7, 9], np.int64), np.array([2, 2, -4], np.int64)])
    case(op, 14, [np.array([7, -7, 9], np.int32), np.array([2, 2, -4], np.int32)])
    case(op, 14, [C([250, 3], np.uint8), C([2, 3], np.uint8)], {}, {
        "Add": np.array([252, 6], np.uint8), "Sub": np.array([248, 0], np.uint8),
        "Mul": np.array([244, 9], np.uint8), "Div": np.array([125, 1], np.uint8)}[op])
case("Add", 14, [x.astype(np.float64), f(4).astype(np.float64)])
case("Mul", 14, [f(2, 3).astype(np.float16), f(3).astype(np.float16)])
for op, g in [("Sum", np.add), ("Max", np.maximum), ("Min", np.minimum)]:
    a, b = f(2, 3), f(2, 3)
    case(op, 1, [x], {}, x)
    case(op, 6, [x, x * 2, x - 1], {}, g(g(x, x * 2), x - 1))
    case(op, 8, [a, f(3), f(2, 1)])
    case(op, 13, [a, b])
case("Max", 13, [np.array([1, -5], np.int64), np.array([-2], np.int64)])
case("Min", 13, [np.array([1, -5], np.int32), np.array([-2], np.int32)])
case("Mean", 8, [x, f(3, 4), f(2, 1, 1)])
case("Mean", 6, [x, x * 3], {}, x * 2)
case("Mean", 13, [x])
positive = f(2, 3, low=0.1, high=3)
case("Pow", 7, [positive, f(3)])
case("Pow", 12, [positive, C(2.0, np.float32)])
case("Pow", 13, [positive, C(3, np.int64)])
case("Pow", 13, [np.array([2, -3], np.int64), np.array([3, 2], np.int64)])
case("Pow", 13, [np.array([2, 3], np.int32), np.array([0.5, 2.0], np.float32)])
exponent = f(2)
case("Pow", 1, [positive, exponent], {"broadcast": 1, "axis": 0},
     np.power(positive, exponent[:, None]))

# Clip and rectifiers.
case("Clip", 1, [x], {"min": -1.0, "max": 1.0}, np.clip(x, -1, 1))
case("Clip", 6, [x], {"max": 1.5}, np.minimum(x, np.float32(1.5)))
case("Clip", 6, [x], {}, x)
case("Clip", 11, [x, C(-1, np.float32), C(2, np.float32)])
case("Clip", 12, [x, None, C(0.5, np.float32)])
case("Clip", 13, [x, C(1, np.float32)])
case("Clip", 13, [x, np.array(-0.5, np.float32), np.array(0.5, np.float32)])
case("Clip", 13, [x])
case("Clip", 13, [x, C(2, np.float32), C(1, np.float32)], {}, np.ones_like(x))
case("Clip", 13, [np.array([-9, 3, 9], np.int64), C(-1, np.int64), C(5, np.int64)])
case("Relu", 6, [x])
case("Relu", 14, [np.array([-2, 3], np.int32)])
for version in (1, 6):
    s = f(2)
    case("PRelu", version, [image, C(s)], {}, np.where(image < 0, image * s.reshape(2, 1, 1), image))
case("PRelu", 7, [image, C(f(2, 1, 1))])
case("PRelu", 9, [image, C(f(4))])
case("PRelu", 16, [x, f(1)])

# Functions of one number.
unary = {
    "Abs": 13, "Neg": 13, "Floor": 13, "Ceil": 13, "Sign": 13, "Sin": 7, "Cos": 7, "Tan": 7,
    "Exp": 13, "Erf": 13, "Sigmoid": 13, "Tanh": 13, "Softplus": 1, "Softsign": 1, "Sinh": 9,
    "Cosh": 9, "Asinh": 9, "Atan": 7, "Mish": 18, "HardSwish": 14, "Reciprocal": 13,
}
for op, version in unary.items():
    case(op, max(version, 7), [f(3, 5)])
for op in ("Sqrt", "Log", "Acosh"):
    case(op, 13, [f(3, 5, low=1.01, high=4)])
for op in ("Asin", "Acos", "Atanh"):
    case(op, 13, [f(3, 5, low=-0.9, high=0.9)])
case("Round", 11, [np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4, -0.6], np.float32)])
for op in ("Abs", "Neg", "Sign"):
    case(op, 13, [np.array([-3, 0, 4], np.int32)])
case("Elu", 6, [x]); case("Elu", 6, [x], {"alpha": 0.5})
case("Celu", 12, [x], {"alpha": 1.5}); case("Celu", 12, [x])
case("Selu", 6, [x]); case("Selu", 6, [x], {"alpha": 2.0, "gamma": 3.0})
case("Selu", 1, [x], {}, np.where(
    x > 0, 1.0507 * x, 1.0507 * 1.6732 * np.expm1(x)).astype(np.float32))
case("LeakyRelu", 16, [x]); case("LeakyRelu", 6, [x], {"alpha": 0.3})
case("HardSigmoid", 6, [x]); case("HardSigmoid", 6, [x], {"alpha": 0.4, "beta": 0.3})
case("ThresholdedRelu", 10, [x]); case("ThresholdedRelu", 10, [x], {"alpha": 0.25})
case("Gelu", 20, [x]); case("Gelu", 20, [x], {"approximate": "tanh"})
sig = lambda v: 1 / (1 + np.exp(-v.astype(np.float64)))
case("Swish", 24, [x], {}, (x * sig(x)).astype(np.float32))
case("Swish", 24, [x], {"alpha": 0.5}, (x * sig(x * 0.5)).astype(np.float32))

# Shapes.
case("Reshape", 1, [x], {"shape": [0, -1]}, x.reshape(2, 12))
case("Reshape", 5, [x, ints(4, 0, 2)])
case("Reshape", 13, [x, ints(-1)])
case("Reshape", 14, [x, ints(0, 0, -1, 2)])
case("Reshape", 14, [np.zeros((0, 3), np.float32), ints(3, 0)], {"allowzero": 1},
     np.zeros((3, 0), np.float32))
for axis in (0, 1, 2, 3):
    case("Flatten", 9, [x], {"axis": axis})
case("Flatten", 13, [x], {"axis": -1}); case("Flatten", 1, [x], {}, x.reshape(2, 12))
thin = f(1, 3, 1, 2)
case("Squeeze", 1, [thin], {"axes": [0]}, thin[0]); case("Squeeze", 11, [thin], {"axes": [-2]})
case("Squeeze", 11, [thin]); case("Squeeze", 13, [thin, ints(0, -2)]); case("Squeeze", 13, [thin])
case("Unsqueeze", 1, [x], {"axes": [0, 4]}, x[None, ..., None])
case("Unsqueeze", 11, [x], {"axes": [-1, 1]})
case("Unsqueeze", 13, [x, ints(3, 0)])
case("Transpose", 1, [x], {}, x.transpose()); case("Transpose", 13, [x], {"perm": [1, 0, 2]})
case("Transpose", 13, [f(2, 1, 3, 2, 2)], {"perm": [4, 2, 0, 1, 3]})
case("Concat", 1, [x, x], {}, np.concatenate([x, x], 1))
case("Concat", 4, [x, f(1, 3, 4)], {"axis": 0}); case("Concat", 13, [x, f(2, 3, 2), C(f(2, 3, 1))],
                                                      {"axis": -1})
case("Slice", 1, [x], {"starts": [0, 1], "ends": [1, 1000]}, x[0:1, 1:])
case("Slice", 1, [x], {"starts": [-2], "ends": [-1], "axes": [2]}, x[:, :, -2:-1])
case("Slice", 10, [x, ints(1, 0), ints(3, 4), ints(1, 2), ints(1, 2)])
case("Slice", 13, [x, ints(-1, 3), ints(-1000, 0), ints(1, -1), ints(-1, -2)])
case("Slice", 13, [x, ints(2**63 - 1), ints(-2**63), ints(2), ints(-1)])
case("Slice", 13, [x, ints(3), ints(1), ints(2)])
case("Slice", 13, [x, ints(0, 0, 0), ints(2**63 - 1, 2, -1)])
case("Slice", 11, [x, ints(0), ints(4), ints(2), ints(2**40)])
case("Split", 1, [x, ints(1, 2)], {"axis": 1}, [x[:, :1], x[:, 1:]], results=2)
case("Split", 2, [x], {"axis": -1}, [x[..., :2], x[..., 2:]], results=2)
case("Split", 11, [x], {"axis": 2, "split": [1, 3]}, results=2)
case("Split", 13, [x, ints(2, 1)], {"axis": 1}, results=2)
case("Split", 18, [f(7, 2)], {"num_outputs": 3}, results=3)
case("Split", 13, [x], {"axis": 0}, results=2)
case("Pad", 1, [x], {"paddings": [0, 1, 0, 0, 0, 2], "value": 1.5},
     np.pad(x, [(0, 0), (1, 0), (0, 2)], constant_values=1.5))
case("Pad", 2, [x], {"pads": [0, 0, 1, 1, 0, 0], "value": -1.0})
case("Pad", 2, [x], {"pads": [0, 0, 2, 0, 1, 1], "mode": "reflect"})
case("Pad", 2, [x], {"pads": [0, 0, 2, 0, 1, 1], "mode": "edge"})
case("Pad", 11, [x, ints(0, -1, 1, 0, 0, -2)])
case("Pad", 13, [x, ints(0, 1, 1, 0, 0, 2), C(2.5, np.float32)])
case("Pad", 18, [x, ints(1, 2), C(0, np.float32), ints(-1)])
case("Pad", 19, [x, ints(1, 2), None, ints(2)], {"mode": "wrap"})
case("Pad", 13, [np.array([1, 2], np.int32), ints(1, 1), C(7, np.int32)])
case("Expand", 8, [f(3, 1), ints(2, 1, 4)]); case("Expand", 13, [f(3, 4), ints(1)])
case("Tile", 1, [x, C(2, np.int64), C(1, np.int64)], {}, np.tile(x, (1, 2, 1)))
case("Tile", 6, [x, ints(2, 1, 3)]); case("Tile", 13, [np.array([[1, 2]], np.int64), ints(2, 2)])
case("Gather", 1, [x, C([[0, 2], [1, 1]], np.int64)], {"axis": 1}, x[:, [[0, 2], [1, 1]]])
case("Gather", 13, [x, C(-1, np.int64)], {"axis": 2})
case("Gather", 13, [x, C([0, -1], np.int32)])
case("Gather", 13, [x, np.array([1, 0, 1], np.int64)], {"axis": 1})
case("Cast", 1, [x], {"to": "INT32"}, x.astype(np.int32))
for to, dtype in [(7, np.int64), (9, np.bool_), (10, np.float16), (11, np.float64), (2, np.uint8)]:
    case("Cast", 9, [f(3, 3, low=0, high=9)], {"to": to})
case("Cast", 13, [np.array([300, -1, 5], np.int64)], {"to": 3},
     np.array([300, -1, 5], np.int64).astype(np.int8))
case("CastLike", 15, [np.array([1, 0], np.int64), x], {}, np.array([1, 0], np.float32))
case("Shape", 1, [x], {}, np.array([2, 3, 4])); case("Shape", 15, [x], {"start": 1})
case("Shape", 15, [x], {"start": -9, "end": -1}); case("Shape", 15, [x], {"start": 2, "end": 1})
case("Size", 13, [x])
case("Constant", 1, [], {"value": f(2, 2)}, None)
for key, value in [("value_float", 2.5), ("value_floats", [1.5, 2.0]), ("value_int", 7),
                   ("value_ints", [3, 4])]:
    case("Constant", 13, [], {key: value})
case("ConstantOfShape", 9, [ints(2, 3)])
case("ConstantOfShape", 9, [ints(2)], {"value": np.array([5], np.int64)})
case("Identity", 13, [x]); case("Dropout", 7, [x])
case("Dropout", 13, [x, C(0.5, np.float32), C(False)], results=2)
case("Dropout", 1, [x], {"ratio": 0.3}, x)

# Reductions.
kinds = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]
for kind in kinds:
    y = f(2, 3, 4, low=0.2, high=2)
    case("Reduce" + kind, 11, [y], {"axes": [0, 2]})
    case("Reduce" + kind, 11, [y], {"axes": [-2], "keepdims": 0})
    case("Reduce" + kind, 11, [y])
    new = 13 if kind == "Sum" else 18
    case("Reduce" + kind, new, [y, ints(1)], {"keepdims": 0})
    case("Reduce" + kind, new, [y, ints(-1, 0)])
    case("Reduce" + kind, new, [y], {"keepdims": 0})
    case("Reduce" + kind, new, [y, ints()], {})
    if kind not in ("L2", "LogSum", "LogSumExp"):
        case("Reduce" + kind, new, [np.array([[1, 2], [-3, 5]], np.int32), ints(1)])
case("ReduceSum", 13, [x], {"noop_with_empty_axes": 1})
case("ReduceMax", 18, [x], {"noop_with_empty_axes": 1})
case("ReduceMax", 20, [np.array([[True, False], [False, False]]), ints(1)], {},
     np.array([[True], [False]]))

# Nearest resizing.
case("Upsample", 1, [image], {"height_scale": 2.0, "width_scale": 3.0},
     image.repeat(2, 2).repeat(3, 3))
case("Upsample", 7, [image], {"scales": [1.0, 1.0, 2.0, 2.0]})
case("Upsample", 9, [image, C([1, 1, 1, 2], np.float32)])
case("Upsample", 9, [image, C([1, 2, 1, 1.5], np.float32)])
case("Resize", 10, [image, C([1, 1, 3, 2], np.float32)], {"mode": "nearest"})
case("Resize", 10, [image, C([1, 1, 0.7, 1.7], np.float32)])
case("Resize", 11, [image, C([], np.float32), C([1, 1, 2, 2], np.float32)])
case("Resize", 13, [image, None, C([1, 1, 4, 3], np.float32)])
for mode in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        case("Resize", 13, [image, None, None, ints(1, 2, 5, 7)],
             {"coordinate_transformation_mode": mode, "nearest_mode": rounding})
case("Resize", 19, [image, None, C([2, 2], np.float32)], {"axes": [2, 3]})
case("Resize", 19, [f(1, 2, 5), None, C([1, 1, 2], np.float32)])

# Shape arithmetic on constants.
a, b = C([1, 2, 3], np.int64), C([3, 2, 1], np.int64)
for op in ("Equal", "Greater", "Less"):
    case(op, 13, [a, b])
for op in ("GreaterOrEqual", "LessOrEqual"):
    case(op, 16, [a, b])
for op in ("And", "Or", "Xor"):
    case(op, 7, [C([True, True, False]), C([True, False, False])])
case("Not", 1, [C([True, False])], {}, np.array([False, True]))
case("Where", 16, [C([[True], [False]]), C([1.5, 2.5], np.float32), C(0, np.float32)])
case("Mod", 13, [C([7, -7, 7, -7], np.int64), C([3, 3, -3, -3], np.int64)])
case("Mod", 13, [C([7, -7, 7, -7], np.int64), C([3, 3, -3, -3], np.int64)], {"fmod": 1})
case("Mod", 13, [C([5.5, -5.5], np.float32), C([2, 2], np.float32)], {"fmod": 1})
case("Range", 11, [C(2, np.int64), C(9, np.int64), C(3, np.int64)])
case("Range", 11, [C(2, np.float32), C(-1, np.float32), C(-0.5, np.float32)])

# Operators that are evaluated on tensors that depend on the input.
p, q = f(2, 3), f(3)
q[1] = p[0, 1]
for op in ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"):
    case(op, 16, [p, q])
    case(op, 16, [np.array([-1, 2, 3], np.int32), np.array([2, 2, 2], np.int32)])
case("And", 7, [np.array([True, True, False]), np.array([[True], [False]])])
case("Not", 1, [np.array([True, False])])
case("BitwiseAnd", 18, [np.array([12, -7], np.int32), np.array([10, 9], np.int32)])
case("BitwiseNot", 18, [np.array([12, -7], np.int8)])
case("Where", 16, [np.array([[True], [False]]), f(3), f(2, 1)])
case("Mod", 13, [np.array([7, -7, 7, -7], np.int32), np.array([3, 3, -3, -3], np.int32)])
tied = np.array([[3, 1, 3], [1, 2, 1]], np.float32)
for op in ("ArgMax", "ArgMin"):
    for last in (0, 1):
        case(op, 13, [tied], {"axis": 1, "select_last_index": last})
    case(op, 13, [x], {"axis": -2, "keepdims": 0})
case("TopK", 11, [x, ints(2)], {"axis": 1}, results=2)
case("TopK", 11, [tied, ints(2)], {"largest": 0}, results=2)
case("CumSum", 14, [x, C(1, np.int64)])
case("CumSum", 14, [x, C(-1, np.int64)], {"exclusive": 1, "reverse": 1})
case("GatherElements", 13, [x, np.array([[[0, -1]], [[1, 2]]], np.int64)], {"axis": 2})
case("GatherND", 13, [x, np.array([[0, 1], [1, -1]], np.int64)])
case("GatherND", 13, [x, np.array([[1], [2]], np.int64)], {"batch_dims": 1})
case("ScatterElements", 18, [x, np.zeros((1, 1, 4), np.int64), f(1, 1, 4)], {"axis": 1})
case("ScatterElements", 18, [tied, np.array([[0, 0]], np.int64), f(1, 2)],
     {"axis": 0, "reduction": "add"})
case("OneHot", 11, [np.array([0, 2, -1], np.int64), ints(4), C([0.5, 2], np.float32)])
case("DepthToSpace", 13, [f(1, 8, 2, 3)], {"blocksize": 2})
case("DepthToSpace", 13, [f(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"})
case("SpaceToDepth", 13, [f(1, 3, 4, 6)], {"blocksize": 2})
case("Einsum", 12, [f(2, 3, 4), f(2, 4, 5)], {"equation": "bij,bjk->bki"})
case("LRN", 13, [f(1, 5, 2, 3)], {"size": 3, "alpha": 0.1})
case("InstanceNormalization", 6, [f(2, 3, 4, 2), C(f(3)), C(f(3))])
case("LayerNormalization", 17, [x, C(f(4)), C(f(4))])
case("LayerNormalization", 17, [x, C(f(3, 4))], {"axis": 1})
case("ConvTranspose", 11, [f(1, 4, 5, 3), C(f(4, 3, 3, 2)), C(f(3))],
     {"strides": [2, 1], "pads": [1, 0, 0, 1], "output_padding": [1, 0]})
case("ConvTranspose", 11, [f(1, 4, 5, 3), C(f(4, 3, 3, 3))], {"group": 2, "dilations": [1, 2]})
case("ConvTranspose", 11, [f(1, 2, 5), C(f(2, 3, 4))], {"strides": [3], "auto_pad": "SAME_UPPER"})
case("ConvTranspose", 11, [f(1, 2, 3, 3), C(f(2, 1, 2, 2))], {"strides": [3, 3], "output_shape": [10, 8]})

# Quantized tensors, with ties, values beyond the range, and a scale for each channel.
q = np.array([[-9.0, -0.25, 0.25, 0.75], [1.25, 2.0, 70.0, -70.0]], np.float32)
one = np.array(0.5, np.float32)
for version in (10, 13, 19, 21):
    for dtype in (np.int8, np.uint8):
        zero = C(3, dtype)
        case("QuantizeLinear", version, [q, C(one), zero])
        case("DequantizeLinear", version, [rng.integers(0, 100, (2, 3)).astype(dtype), C(one), zero])
case("QuantizeLinear", 13, [q, C(one)])
case("DequantizeLinear", 13, [rng.integers(-99, 99, 6).astype(np.int32), C(one)])
columns, zeros = C([0.5, 0.25, 1.5, 2.0], np.float32), C([0, -3, 5, 127], np.int8)
case("QuantizeLinear", 13, [q, columns, zeros])
case("QuantizeLinear", 13, [q, C([0.5, 4.0], np.float32), C([0, 9], np.uint8)], {"axis": 0})
case("DequantizeLinear", 13, [rng.integers(-99, 99, (2, 4)).astype(np.int8), columns, zeros],
     {"axis": -1})
case("QuantizeLinear", 21, [q, C(one), C(-7, np.int16)])
case("QuantizeLinear", 21, [q, C(one)], {"output_dtype": 5})
case("DequantizeLinear", 21, [C(rng.integers(-99, 99, (2, 6)), np.int8), C(f(2, 3, low=.1)),
                              C(rng.integers(-9, 9, (2, 3)), np.int8)], {"axis": 1, "block_size": 2})
case("DequantizeLinear", 21, [C(rng.integers(-99, 99, (4, 3)), np.int8), C(f(2, 3, low=.1))],
     {"axis": 0, "block_size": 2})


def levels(*shape, dtype=np.int8):
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape).astype(dtype)


def scale(*values):
    return C(values if len(values) > 1 else values[0], np.float32)


def requantized(acc, factor, zero):
    info = np.iinfo(zero.value.dtype)
    return np.clip(np.round(acc * factor) + zero.value, info.min, info.max).astype(info.dtype)


# By NumPy: ONNX Runtime's products of uint8 and int8 saturate on processors without VNNI.
def qlinear_conv(x, sx, zx, w, sw, zw, sy, zy, bias=None, group=1, stride=1, pad=0):
    a = np.pad(x.astype(np.int64) - int(zx.value), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, c, kh, kw = w.value.shape
    rows, columns = ((a.shape[i + 2] - k) // stride + 1 for i, k in enumerate((kh, kw)))
    acc = np.zeros((1, n, rows, columns))
    for o in range(n):
        first = o // (n // group) * c
        for i in range(rows):
            for j in range(columns):
                patch = a[0, first:first + c, i * stride:i * stride + kh, j * stride:j * stride + kw]
                acc[0, o, i, j] = (patch * w.value[o]).sum() + (bias.value[o] if bias else 0)
    factor = (sx.value * sw.value / sy.value).reshape(-1, 1, 1)
    case("QLinearConv", 10, [x, sx, zx, w, sw, zw, sy, zy] + ([bias] if bias else []),
         {"group": group, "strides": [stride] * 2, "pads": [pad] * 4}, requantized(acc, factor, zy))


def qlinear_matmul(a, sa, za, b, sb, zb, sy, zy):
    right = b.value if isinstance(b, C) else b
    acc = (a.astype(np.int64) - int(za.value)) @ (right.astype(np.int64) - zb.value)
    case("QLinearMatMul", 10, [a, sa, za, b, sb, zb, sy, zy], {},
         requantized(acc, sa.value * sb.value / sy.value, zy))


qlinear_conv(levels(1, 3, 5, 4, dtype=np.uint8), scale(.02), C(120, np.uint8), C(levels(4, 3, 3, 3)),
             scale(.01, .02, .005, .01), C([0, 0, 0, 0], np.int8), scale(.11), C(99, np.uint8),
             C(rng.integers(-900, 900, 4), np.int32), pad=1)
qlinear_conv(levels(1, 2, 5, 5), scale(.02), C(-7, np.int8), C(levels(2, 1, 3, 3)), scale(.01),
             C(0, np.int8), scale(.07), C(3, np.int8), group=2, stride=2)
qlinear_matmul(levels(2, 5, dtype=np.uint8), scale(.02), C(100, np.uint8), C(levels(5, 3)),
               scale(.01, .03, .02), C([0, 0, 0], np.int8), scale(.07), C(100, np.uint8))
qlinear_matmul(levels(2, 5, dtype=np.uint8), scale(.02), C(100, np.uint8),
               levels(5, 3, dtype=np.uint8), scale(.01), C(130, np.uint8), scale(.05),
               C(100, np.uint8))

path = pathlib.Path(__file__).with_name("onnx.json")
path.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases")
