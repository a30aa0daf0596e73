import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Builds random convolutional networks, with what passes look for: normalization as products and sums,
/// transposes to channels-first and back, pads, residual sums, joins, and channels that are dead.
struct RandomNetwork {
  private var generator: SeededGenerator
  private var builder: GraphBuilder
  private var count = 0

  /// A network of about `size` layers.
  static func graph(seed: UInt64, size: Int = 8) throws -> Graph {
    var network = RandomNetwork(seed: seed)
    return try network.build(size)
  }

  private init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
    builder = GraphBuilder(name: "random-\(seed)")
  }

  private mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &generator) < probability
  }

  private mutating func pick(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  private mutating func name(_ kind: String) -> String {
    count += 1
    return "\(kind)_\(count)"
  }

  /// Random numbers; some channels of the last or first axis are zero or all one value.
  private mutating func tensor(_ shape: Shape, zeroAxis: Int? = nil) -> Tensor {
    var values = (0..<shape.count).map { _ in Float.random(in: -0.7...0.7, using: &generator) }
    if let axis = zeroAxis {
      let inner = shape.strides[axis]
      for channel in 0..<shape[axis] where chance(0.3) {
        for index in values.indices where index / inner % shape[axis] == channel {
          values[index] = 0
        }
      }
    }
    return Tensor(values, shape)
  }

  private mutating func add(_ op: some Operator, _ operands: [ValueID?], _ kind: String) throws
    -> ValueID
  {
    try builder.add(op, operands, name: name(kind))[0]
  }

  private mutating func constant(_ tensor: Tensor, _ kind: String) -> ValueID {
    builder.addConstant(tensor, name: name(kind))
  }

  private mutating func build(_ size: Int) throws -> Graph {
    let isChannelsFirst = chance(0.5)
    let (height, width, channels) = (pick(5...8), pick(5...8), pick(1...4))
    var x: ValueID
    if isChannelsFirst {
      x = builder.addInput("in", TensorType(.float32, [1, channels, height, width]))
      if chance(0.5) { x = try normalized(x, axis: 1) }
      x = try add(Transpose(permutation: [0, 2, 3, 1]), [x], "in_nhwc")
    } else {
      x = builder.addInput("in", TensorType(.float32, [1, height, width, channels]))
    }
    for _ in 0..<size { x = try block(x) }
    if chance(0.3) {
      builder.addOutput("features", x)
    }
    if chance(0.5) {
      x = try add(Transpose(permutation: [0, 3, 1, 2]), [x], "head_nchw")
    } else {
      x = try add(Reduce(kind: .mean, axes: [1, 2], keepsDimensions: chance(0.5)), [x], "mean")
    }
    let flat = builder.shape(of: x).count
    x = try add(Reshape(shape: [1, flat]), [x], "flat")
    let weights = constant(tensor([3, flat]), "fc_w")
    x = try add(FullyConnected(), [x, weights, nil], "fc")
    if chance(0.5) { x = try normalized(x, axis: 1) }
    if chance(0.5) { x = try add(Softmax(axis: 1), [x], "softmax") }
    builder.addOutput("out", x)
    return builder.graph
  }

  private mutating func block(_ input: ValueID) throws -> ValueID {
    var x = input
    let isFirst = chance(0.6)
    var y = try layer(x)
    if isFirst { y = try add(Transpose(permutation: [0, 3, 1, 2]), [y], "nchw") }
    let axis = isFirst ? 1 : 3
    if chance(0.5) { y = try normalized(y, axis: axis) }
    if chance(0.6) {
      let bounds = chance(0.5) ? Clamp.relu : Clamp(low: chance(0.5) ? 0 : -0.5, high: 1.5)
      y = try add(Clip(bounds: bounds), [y], "clip")
    }
    if chance(0.2) { y = try add(Pointwise(function: .hardSwish), [y], "swish") }
    if isFirst { y = try add(Transpose(permutation: [0, 2, 3, 1]), [y], "nhwc") }
    if chance(0.4), builder.shape(of: x) == builder.shape(of: y) {
      y = try add(Add(), [x, y], "residual")
    } else if chance(0.2), builder.shape(of: x)[1] == builder.shape(of: y)[1],
      builder.shape(of: x)[2] == builder.shape(of: y)[2], builder.shape(of: y)[3] < 12
    {
      y = try add(Concat(axis: 3), [x, y], "concat")
    }
    x = y
    return x
  }

  private mutating func layer(_ x: ValueID) throws -> ValueID {
    var x = x
    var shape = builder.shape(of: x)
    let kernel = min(3, shape[1], shape[2])
    if chance(0.2) {
      x = try add(Pad(before: [0, 1, 1, 0], after: [0, 1, 0, 0]), [x], "pad")
      shape = builder.shape(of: x)
    }
    let padding = chance(0.6) ? [1, 1, 1, 1] : [0, 0, 0, 0]
    let step = chance(0.2) ? 2 : 1
    let window = Window2D(
      kernel: [kernel, kernel], strides: [step, step],
      padding: kernel == 3 ? padding : [0, 0, 0, 0])
    switch pick(0...5) {
    case 0:
      return try add(MaxPool2D(window: window), [x], "max")
    case 1:
      return try add(AveragePool2D(window: window, includesPadding: chance(0.5)), [x], "mean")
    case 2:
      let multiplier = pick(1...2)
      let weights = constant(tensor([kernel, kernel, shape[3] * multiplier], zeroAxis: 2), "dw_w")
      let bias = chance(0.7) ? constant(tensor([shape[3] * multiplier]), "dw_b") : nil
      return try add(
        DepthwiseConv2D(window: window, multiplier: multiplier), [x, weights, bias], "dw")
    case 3:
      let outputs = pick(1...8)
      let weights = constant(tensor([outputs, 1, 1, shape[3]], zeroAxis: chance(0.5) ? 0 : 3), "w")
      let bias = chance(0.7) ? constant(tensor([outputs]), "b") : nil
      return try add(Conv2D(window: Window2D(kernel: [1, 1])), [x, weights, bias], "pointwise")
    default:
      let outputs = shape[3] < 10 && chance(0.4) ? shape[3] : pick(1...8)
      let weights = constant(
        tensor([outputs, kernel, kernel, shape[3]], zeroAxis: chance(0.5) ? 0 : 3), "w")
      let bias = chance(0.7) ? constant(tensor([outputs], zeroAxis: 0), "b") : nil
      return try add(Conv2D(window: window), [x, weights, bias], "conv")
    }
  }

  private mutating func normalized(_ x: ValueID, axis: Int) throws -> ValueID {
    let shape = builder.shape(of: x)
    var extents = [Int](repeating: 1, count: shape.rank)
    extents[axis] = chance(0.8) ? shape[axis] : 1
    let scale = constant(tensor(Shape(extents), zeroAxis: axis), "scale")
    let offset = constant(tensor(Shape(extents)), "offset")
    var y = try add(Multiply(), chance(0.5) ? [x, scale] : [scale, x], "scaled")
    if chance(0.8) {
      y =
        try chance(0.5)
        ? add(Add(), [y, offset], "shifted") : add(Subtract(), [y, offset], "lowered")
    }
    return y
  }
}
