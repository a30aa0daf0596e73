import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Mean of each window of `[N, H, W, C]`.
public struct AveragePool2D: Operator, FloatEvaluation {
  /// Geometry.
  public var window: Window2D
  /// Whether padding counts as zeros (the divisor is `kh · kw`) or not at all.
  public var includesPadding: Bool

  /// Creates an average pooling.
  public init(window: Window2D, includesPadding: Bool = false) {
    self.window = window
    self.includesPadding = includesPadding
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "average_pool2d", "Mean of each window over NHWC.", operands: [OperandSpec("x")])

  /// `[N, H', W', C]`.
  ///
  /// - Throws: `shape.average_pool2d.*`, `type.average_pool2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("average_pool2d", operands)
    let x = try types.required(0, "x", rank: 4)
    if !x.element.isInteger { try types.checkActivation(x) }
    return [TensorType(x.element, try types.windowed(x, window, channels: x.shape[3]))]
  }

  /// The definition, accumulated in `Double`, or for integers modulo their width and divided toward
  /// zero; the mean of no element is 0.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    if let x = operands.first ?? nil, x.element.isInteger {
      return [means(x.converted(to: .int64), results[0])]
    }
    return try evaluateAsFloats(operands, results, required: 1)
  }

  /// A pooling, where every window holds an element of the image.
  public func primitive(_ operands: [TensorType?], _ results: [TensorType]) -> EnginePrimitive? {
    guard let x = operands.first ?? nil, window.alwaysHoldsElements(of: x.shape) else {
      return nil
    }
    return .pooling(includesPadding ? .averageIncludingPadding : .averageExcludingPadding, window)
  }

  private func means(_ x: Tensor, _ type: TensorType) -> Tensor {
    let (shape, input) = (type.shape, x.shape)
    let values = x.elements(Int64.self)
    var sums: [Int64] = []
    var divisors: [Int64] = []
    for n in 0..<shape[0] {
      for row in 0..<shape[1] {
        let rowTaps = window.taps(0, row, input[1])
        let top = row * window.strides[0] - window.padding[0]
        for column in 0..<shape[2] {
          let columnTaps = window.taps(1, column, input[2])
          let left = column * window.strides[1] - window.padding[1]
          for c in 0..<shape[3] {
            var sum: Int64 = 0
            for i in rowTaps {
              let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
              for j in columnTaps {
                sum &+= values[(line + left + j * window.dilations[1]) * shape[3] + c]
              }
            }
            sums.append(sum)
            divisors.append(
              Int64(
                includesPadding
                  ? window.kernel[0] * window.kernel[1]
                  : Swift.max(rowTaps.count * columnTaps.count, 1)))
          }
        }
      }
    }
    let wrapped = Tensor(wrapping: sums, type.element, shape).converted(to: .int64)
    let quotients = zip(wrapped.elements(Int64.self), divisors).map { $0 / $1 }
    return Tensor(wrapping: quotients, type.element, shape)
  }

  func compute<T: BinaryFloatingPoint & TensorElement>(
    _ type: T.Type, _ operands: [Tensor], _ shape: Shape
  ) -> Tensor {
    let input = operands[0].shape
    let channels = shape[3]
    var result = Tensor(zeros: T.elementType, shape)
    result.withMutableElements(T.self) { y in
      operands[0].withElements(T.self) { x in
        var next = 0
        for n in 0..<shape[0] {
          for row in 0..<shape[1] {
            let rowTaps = window.taps(0, row, input[1])
            let top = row * window.strides[0] - window.padding[0]
            for column in 0..<shape[2] {
              let columnTaps = window.taps(1, column, input[2])
              let left = column * window.strides[1] - window.padding[1]
              let divisor =
                includesPadding
                ? window.kernel[0] * window.kernel[1] : rowTaps.count * columnTaps.count
              for c in 0..<channels {
                var sum = 0.0
                for i in rowTaps {
                  let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                  for j in columnTaps {
                    sum += Double(x[(line + left + j * window.dilations[1]) * channels + c])
                  }
                }
                y[next] = T(sum / Double(max(divisor, 1)))
                next += 1
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension AveragePool2D {
  /// ONNX `AveragePool` of one or two spatial axes.
  public static var imports: [ImportRule] {
    [
      .onnx("AveragePool") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "X")
        let shape = builder.shape(of: x)
        let window = try SpatialWindow(
          onnx: node, kernel: try node.poolingKernel(),
          input: try node.spatialExtents(shape, "pool"))
        let includesPadding = try node.int("count_include_pad", default: 0) != 0
        let operand = try builder.channelsLast(x, of: node)
        return [
          try builder.addAveragePool(
            operand, window, includesPadding: includesPadding, of: node, rank: shape.rank)
        ]
      },
      .relay("nn.avg_pool1d", pooled("NCW")),
      .relay("nn.avg_pool2d", pooled("NCHW")),
    ]
  }

  /// Where padding counts, so does what windows of the ceil mode reach beyond it.
  private static func pooled(
    _ layout: String
  ) -> @Sendable (ForeignNode, inout GraphBuilder) throws(Diagnostic) -> [ValueID] {
    { node, builder throws(Diagnostic) in
      let (x, window, layouts) = try builder.relayPooling(node, layout)
      let includesPadding = try node.flag("count_include_pad")
      let op = AveragePool2D(
        window: window.window2D,
        includesPadding: includesPadding && (window.isPadded || window.overhangs))
      return [try builder.addSpatial(op, [x], layout: layouts, of: node)]
    }
  }
}

extension GraphBuilder {
  /// Adds the average pooling of `x`, `[N, H, W, C]`, and its copy in the model's layout.
  ///
  /// Padding that counts becomes a node of its own where windows also reach beyond it: what lies
  /// there does not count.
  fileprivate mutating func addAveragePool(
    _ x: ValueID, _ window: SpatialWindow, includesPadding: Bool, of node: ForeignNode, rank: Int
  ) throws(Diagnostic) -> ValueID {
    guard includesPadding, window.overhangs, window.isPadded else {
      let op = AveragePool2D(
        window: window.window2D, includesPadding: includesPadding && window.isPadded)
      return try addSpatial(op, [x], of: node, rank: rank)
    }
    let zeros = window.before.map { _ in 0 }
    let after = zip(window.after, window.overhang).map { $0 + min($1, 0) }
    let outer = rank == 3 ? [0, 0] : [0]
    let padding = Pad(before: outer + window.before + [0], after: outer + after + [0], value: 0)
    var unpadded = window
    unpadded.before = zeros
    unpadded.after = zeros
    unpadded.overhang = window.overhang.map { max($0, 0) }
    let padded = try add(
      padding, [x], name: "\(node.name):pad", results: ["\(graph[x].name):pad"],
      place: node.place)[0]
    return try addSpatial(
      AveragePool2D(window: unpadded.window2D), [padded], of: node, rank: rank)
  }
}

extension AveragePool2D: LowerableOperator {
  /// One call of `uq_avg_pool2d_s8` or a variant for int16; the division is part of the multipliers.
  ///
  /// - Throws: `lower.average_pool2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let operands = try LayerOperands(
      "average_pool2d", node, in: context, operands: [.int8, .int16], results: [.int8, .int16])
    if operands.isWide { try operands.checkOneWidth("average_pool2d", at: context.place) }
    let geometry = try ImageGeometry(
      "average_pool2d", operands.xType, operands.resultType, window, at: context.place)
    let taps = window.kernel[0] * window.kernel[1]
    let limit = operands.isWide ? 16 : 23
    guard taps < 1 << limit else {
      throw Diagnostic(
        id: "lower.average_pool2d.window",
        "a window of \(taps) elements: sums of 2^\(limit) and more leave 32 bits",
        at: context.place)
    }
    let hasOneDivisor = includesPadding || window.padding.allSatisfy { $0 == 0 }
    let ratio = operands.input.scale / operands.output.scale
    // Windows at an edge have fewer elements, so each number of them has its own multiplier.
    let divisors = hasOneDivisor ? taps...taps : 1...taps
    let factors = divisors.map { ratio / Double($0) }
    // A division by another number than a power of two needs a multiplication.
    let rounding =
      context.rounding == .shift && !factors.allSatisfy({ $0.significand == 1 && $0 <= 1 })
      ? Rounding.single : context.rounding
    let scales = try context.addMultipliers("average_pool2d", factors, rounding: rounding)
    context.emit(
      AveragePool2DKernel(
        geometry: geometry, inputZeroPoint: operands.input.zeroPoint,
        hasOneDivisor: hasOneDivisor, readsWide: operands.isWide,
        isWide: operands.resultType.element == .int16,
        outputStage: OutputStage(operands.output, rounding: rounding),
        multipliers: scales.multipliers, shifts: scales.shifts,
        input: context.buffer(operands.x), output: context.buffer(node.result)))
  }
}
