import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes convolutions and fully connected layers of signs by weights of one magnitude for each output
/// channel binary convolutions, which count bits instead of multiplying.
///
/// A product or sum with a constant per channel in front of the sign, as batch normalization is, becomes
/// thresholds; padding by +1 or −1 between the sign and the layer becomes the layer's. The sign of a
/// binary layer's result is taken by that layer, exactly. Only the value that ONNX `Sign` gives 0 changes:
/// a weight of ±1 has no 0 to multiply with, and 0 counts as +1 as in Larq.
public struct RecognizeBinarized: Pass {
  /// Creates the pass.
  public init() {}
  /// `recognize-binarized`.
  public static let name = "recognize-binarized"
  /// Batch normalization is in the weights, which is what shows their magnitudes.
  public static let requires: Invariants = .normalizationFolded

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      if Self.foldSign(node, &editor) { return }
      guard let filters = BinaryFilters(node, editor), let x = node.operands[0],
        let input = BinaryInput(x, editor, isPadded: filters.isPadded)
      else { return editor.keep(node) }
      Self.replace(node, filters, input, &editor)
    }
  }

  /// Has a binary layer take the sign of its own result.
  private static func foldSign(_ node: Node, _ editor: inout GraphEditor) -> Bool {
    guard let sign = SignExpression(node, editor), node.operands == [sign.operand],
      let (index, found) = editor.soleProducer(sign.operand),
      var op = found.op as? BinaryConv2D, !op.signsResult, op.activation.isNone,
      let bias = editor.constant(found.operands[3])?.floats
    else { return false }
    var layer = found
    op.signsResult = true
    layer.op = op
    layer.results = node.results
    if sign.threshold > 0 {
      // More than 0 is at least 0 with the next smaller bias.
      layer.operands[3] = editor.addConstant(
        Tensor(bias.map(\.nextDown), [bias.count]), "\(found.name):bias")
    }
    editor.update(at: index, with: layer)
    return true
  }

  private static func replace(
    _ node: Node, _ filters: BinaryFilters, _ input: BinaryInput, _ editor: inout GraphEditor
  ) {
    var weights = filters.weights
    let depth = filters.shape[3]
    for index in weights.indices where input.isFlipped[index % depth] { weights[index].negate() }
    var window = filters.window
    for side in 0..<4 { window.padding[side] += input.padding[side] }
    let op = BinaryConv2D(
      window: window, padSign: input.padSign, activation: filters.activation)
    var x = input.operand
    if let permutation = input.permutation {
      let from = editor.type(of: x)
      x = editor.addValue(
        "\(node.name):moved", TensorType(from.element, Shape(permutation.map { from.shape[$0] })))
      editor.emit(
        Node(
          name: "\(node.name):moved", op: Transpose(permutation: permutation),
          operands: [input.operand], results: [x], place: node.place))
    }
    let parameters = [
      editor.addConstant(Tensor(weights, filters.shape), "\(node.name):signs"),
      editor.addConstant(Tensor(filters.scale, [filters.scale.count]), "\(node.name):scale"),
      editor.addConstant(Tensor(filters.bias, [filters.bias.count]), "\(node.name):bias"),
      editor.addConstant(Tensor(input.thresholds, [depth]), "\(node.name):thresholds"),
    ]
    var layer = node
    layer.op = op
    guard node.op is FullyConnected else {
      layer.operands = [x] + parameters
      return editor.emit(layer)
    }
    // Rows of a matrix are pixels of a line.
    let rows = editor.shape(of: x).count / max(depth, 1)
    let line = editor.addValue("\(node.name):line", TensorType(.float32, [1, 1, rows, depth]))
    let result = editor.addValue(
      "\(node.name):result", TensorType(.float32, [1, 1, rows, filters.scale.count]))
    let shape = editor.shape(of: node.result)
    editor.emit(
      Node(
        name: "\(node.name):line", op: Reshape(shape: [1, 1, rows, depth]),
        operands: [x], results: [line], place: node.place))
    layer.operands = [line] + parameters
    layer.results = [result]
    editor.emit(layer)
    editor.emit(
      Node(
        name: "\(node.name):rows", op: Reshape(shape: shape), operands: [result],
        results: node.results, place: node.place))
  }
}

/// Weights of one magnitude for each output channel, as signs and scales.
private struct BinaryFilters {
  /// Relative difference of magnitudes that counts as rounding.
  private static let tolerance: Float = 1e-6

  let shape: Shape
  var weights: [Float]
  let scale: [Float]
  let bias: [Float]
  let window: Window2D
  let activation: Clamp

  /// Whether the window reaches into padding of 0.
  var isPadded: Bool { window.padding != [0, 0, 0, 0] }

  init?(_ node: Node, _ editor: GraphEditor) {
    guard node.operands.count > 1, let constant = editor.constant(node.operands[1]),
      constant.element == .float32, constant.count > 0
    else { return nil }
    switch node.op {
    case let op as Conv2D where op.groups == 1:
      shape = constant.shape
      window = op.window
      activation = op.activation
    case let op as FullyConnected:
      shape = [constant.shape[0], 1, 1, constant.shape[1]]
      window = Window2D(kernel: [1, 1])
      activation = op.activation
    default: return nil
    }
    let operand = node.operands.count > 2 ? node.operands[2] : nil
    if let operand {
      guard let values = editor.constant(operand), values.element == .float32 else { return nil }
      bias = values.floats
    } else {
      bias = [Float](repeating: 0, count: shape[0])
    }
    weights = constant.floats
    let depth = weights.count / shape[0]
    var scale: [Float] = []
    for first in stride(from: 0, to: weights.count, by: depth) {
      let magnitude = weights[first].magnitude
      guard magnitude > 0, magnitude.isFinite else { return nil }
      for k in first..<first + depth {
        guard (weights[k].magnitude - magnitude).magnitude <= Self.tolerance * magnitude else {
          return nil
        }
        weights[k] = weights[k] < 0 ? -1 : 1
      }
      scale.append(magnitude)
    }
    self.scale = scale
  }
}

/// What a binary layer reads: the operand of a sign, with what lies between the sign and the layer.
private struct BinaryInput {
  /// Before the sign, or the sign itself where something else lies between.
  private(set) var operand: ValueID
  /// From where on each input channel counts as +1.
  private(set) var thresholds: [Float]
  /// Whether an input channel's sign is the opposite.
  private(set) var isFlipped: [Bool]
  /// Padding between the sign and the layer, `[top, left, bottom, right]`.
  private(set) var padding = [0, 0, 0, 0]
  /// What it reads.
  private(set) var padSign = 0
  /// How the operand's axes are moved in front of the layer.
  private(set) var permutation: [Int]?

  init?(_ x: ValueID, _ editor: GraphEditor, isPadded: Bool) {
    let shape = editor.shape(of: x)
    guard let depth = shape.dimensions.last else { return nil }
    thresholds = [Float](repeating: 0, count: depth)
    isFlipped = [Bool](repeating: false, count: depth)
    operand = x
    readPadding(shape.rank, editor)
    guard padSign == 0 || !isPadded else { return nil }
    if let sign = SignExpression(operand, editor) {
      operand = sign.operand
      thresholds = thresholds.map { _ in sign.threshold }
      while permutation == nil, absorbAffine(editor) {}
    } else if !Self.isSign(operand, editor) {
      return nil
    }
  }

  /// Takes padding of an image by ±1, perhaps with channels first, out of the operand.
  private mutating func readPadding(_ rank: Int, _ editor: GraphEditor) {
    var order = Array(0..<rank)
    var node = editor.producerNode(operand)
    if let transpose = node?.op as? Transpose {
      order = transpose.permutation
      node = editor.producerNode(node?.operands[0])
    }
    guard rank == 4, let pad = node?.op as? Pad, let inner = node?.operands[0] else { return }
    let (before, after) = (order.map { pad.before[$0] }, order.map { pad.after[$0] })
    guard pad.value.magnitude == 1, before[0] + after[0] + before[3] + after[3] == 0 else {
      return
    }
    padSign = pad.value < 0 ? -1 : 1
    padding = [before[1], before[2], after[1], after[2]]
    if order != Array(0..<rank) { permutation = order }
    operand = inner
  }

  /// Whether a value is ±1: a sign, moved or pooled.
  private static func isSign(_ value: ValueID, _ editor: GraphEditor) -> Bool {
    var current = value
    while let node = editor.producerNode(current) {
      if (node.op as? BinaryConv2D)?.signsResult == true { return true }
      if SignExpression(current, editor) != nil { return true }
      guard node.op is Reshape || node.op is Transpose || node.op is MaxPool2D,
        let x = node.operands[0]
      else { return false }
      current = x
    }
    return false
  }

  /// Takes `scale · x + offset` in front of the sign into the thresholds; whether there was one.
  private mutating func absorbAffine(_ editor: GraphEditor) -> Bool {
    guard let node = editor.producerNode(operand), node.op.resultBounds?.isNone == true,
      let affine = ChannelAffine(node, editor)
    else { return false }
    let axis = editor.shape(of: operand).rank - 1
    guard let (scale, offset) = affine.channels(thresholds.count, axis: axis),
      !scale.contains(0)
    else { return false }
    var (limits, flips) = (thresholds, isFlipped)
    for c in thresholds.indices {
      let limit = Float((Double(thresholds[c]) - offset[c]) / scale[c])
      guard limit.isFinite else { return false }
      // a x + b >= t is x <= limit for a negative a: below the next number, with the sign turned round.
      limits[c] = scale[c] > 0 ? limit : limit.nextUp
      if scale[c] < 0 { flips[c].toggle() }
    }
    // Padding by a sign is not turned round.
    if padSign != 0, flips.contains(true) { return false }
    (thresholds, isFlipped, operand) = (limits, flips, affine.operand)
    return true
  }
}
