import UQGraph
import UQNumerics
import UQOperators
import UQSupport

extension AveragePool2D: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    let shape = builder.shape(node, 0)
    let taps = window.kernel[0] * window.kernel[1]
    let weights = Tensor(
      [Float](repeating: 1 / Float(taps), count: shape[3] * taps),
      [shape[3], window.kernel[0], window.kernel[1], 1])
    var gradient = gradient
    if !includesPadding, window.padding.contains(where: { $0 > 0 }) {
      guard let ratio = tapsPerElement(shape, builder.graph.type(of: gradient)) else { return nil }
      let constant = builder.append(ratio, name: "\(node.name)/ratio")
      gradient = builder.append(
        Multiply(), [gradient, constant], builder.graph.type(of: gradient).shape, name: node.name)
    }
    return builder.appendConvolutionAdjoint(
      window, groups: shape[3], weights, shape, gradient, name: node.name)
  }

  /// Taps of the window over those that lie inside the image, at each position, `[1, H', W', 1]`.
  private func tapsPerElement(_ input: Shape, _ result: TensorType) -> Tensor? {
    let ones = Tensor(
      [Float](repeating: 1, count: input[1] * input[2]), [1, input[1], input[2], 1])
    let type = TensorType(.float32, [1, result.shape[1], result.shape[2], 1])
    return try? AveragePool2D(window: window, includesPadding: true)
      .evaluate([ones], results: [type]).first
      .map { Tensor($0.floats.map { $0 > 0 ? 1 / $0 : 0 }, type.shape) }
  }
}

extension MaxPool2D: DifferentiableOperator {
  func appendAdjoint(
    of node: Node, slot: Int, gradient: ValueID, to builder: inout AdjointBuilder
  ) -> ValueID? {
    guard let x = node.operands[0] else { return nil }
    let shape = builder.shape(node, 0)
    return builder.append(
      MaxPoolAdjoint(window: window, result: shape), [gradient, builder.value(x)], shape,
      name: node.name)
  }
}

/// The adjoint of max pooling: the gradient of each window goes to its first largest element.
struct MaxPoolAdjoint: Operator, Codable {
  var window: Window2D
  /// `[N, H, W, C]`.
  var result: Shape

  static let spec = OperatorSpec(
    "max_pool2d_adjoint", "Gradient at the input of max pooling.",
    operands: [OperandSpec("gradient"), OperandSpec("x")])

  func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    [TensorType(.float32, result)]
  }

  func evaluate(_ operands: [Tensor?], results: [TensorType]) throws(Diagnostic) -> [Tensor] {
    let (gradient, x) = try pair(operands)
    let (y, extents) = (gradient.shape, result)
    var sum = Tensor(zeros: .float32, extents)
    sum.withMutableElements(Float.self) { sum in
      gradient.withElements(Float.self) { g in
        x.withElements(Float.self) { x in
          for row in 0..<y[0] * y[1] {
            for column in 0..<y[2] {
              let pixels = pixels(row / y[1], row % y[1], column)
              for c in 0..<y[3] {
                guard var best = pixels.first else { continue }
                for pixel in pixels where x[pixel * y[3] + c] > x[best * y[3] + c] { best = pixel }
                sum[best * y[3] + c] += g[(row * y[2] + column) * y[3] + c]
              }
            }
          }
        }
      }
    }
    return [sum]
  }

  /// Positions of the pixels of a window that lie inside the image.
  private func pixels(_ image: Int, _ row: Int, _ column: Int) -> [Int] {
    var found: [Int] = []
    for tap in 0..<window.kernel[0] * window.kernel[1] {
      let i =
        row * window.strides[0] - window.padding[0] + tap / window.kernel[1] * window.dilations[0]
      let j =
        column * window.strides[1] - window.padding[1]
        + tap % window.kernel[1] * window.dilations[1]
      guard (0..<result[1]).contains(i), (0..<result[2]).contains(j) else { continue }
      found.append((image * result[1] + i) * result[2] + j)
    }
    return found
  }
}

extension Operator {
  /// The first two operands.
  ///
  /// - Throws: `engine.primitive.failed`.
  func pair(_ operands: [Tensor?]) throws(Diagnostic) -> (Tensor, Tensor) {
    guard let first = operands[0], let second = operands[1] else {
      throw Diagnostic(id: "engine.primitive.failed", "an operand is missing")
    }
    return (first, second)
  }
}
