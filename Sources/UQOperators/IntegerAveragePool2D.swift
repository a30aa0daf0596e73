import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// Mean of integers over windows of `[N, H, W, C]`, divided toward zero, in the operand's type.
public struct IntegerAveragePool2D: Operator {
  /// Geometry.
  public var window: Window2D
  /// Whether taps in the padding count as zeros.
  public var includesPadding: Bool

  /// Type that sums wrap in; `nil` for the operand's.
  public var sums: ElementType?

  /// Creates the operator.
  public init(window: Window2D, includesPadding: Bool = false, sums: ElementType? = nil) {
    self.window = window
    self.includesPadding = includesPadding
    self.sums = sums
  }

  /// Names and operands.
  public static let spec = OperatorSpec(
    "integer_average_pool2d", "Mean of integers over windows of NHWC, truncated.",
    operands: [OperandSpec("x")])

  /// `[N, H', W', C]`.
  ///
  /// - Throws: `shape.integer_average_pool2d.*`, `type.integer_average_pool2d.element`.
  public func resultTypes(_ operands: [TensorType?]) throws(Diagnostic) -> [TensorType] {
    let types = OperandTypes("integer_average_pool2d", operands)
    let x = try types.required(0, "x", rank: 4)
    try checkIntegers(x, "x")
    return [TensorType(x.element, try types.windowed(x, window, channels: x.shape[3]))]
  }

  /// The definition.
  public func evaluate(
    _ operands: [Tensor?], results: [TensorType]
  ) throws(Diagnostic) -> [Tensor] {
    let x = try requiredValue(operands, 0)
    let element = sums ?? x.element
    let input = x.shape
    let shape = results[0].shape
    let channels = shape[3]
    var result = Tensor(zeros: .int64, shape)
    x.converted(to: .int64).withElements(Int64.self) { x in
      result.withMutableElements(Int64.self) { y in
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
                var sum: Int64 = 0
                for i in rowTaps {
                  let line = (n * input[1] + top + i * window.dilations[0]) * input[2]
                  for j in columnTaps {
                    sum &+= x[(line + left + j * window.dilations[1]) * channels + c]
                  }
                }
                y[next] = wrapped(sum, element) / Int64(max(divisor, 1))
                next += 1
              }
            }
          }
        }
      }
    }
    return [result.converted(to: x.element)]
  }

  @inline(__always)
  private func wrapped(_ sum: Int64, _ element: ElementType) -> Int64 {
    switch element {
    case .int8: Int64(Int8(truncatingIfNeeded: sum))
    case .uint8: Int64(UInt8(truncatingIfNeeded: sum))
    case .int16: Int64(Int16(truncatingIfNeeded: sum))
    case .uint16: Int64(UInt16(truncatingIfNeeded: sum))
    case .int32: Int64(Int32(truncatingIfNeeded: sum))
    case .uint32: Int64(UInt32(truncatingIfNeeded: sum))
    default: sum
    }
  }
}

extension IntegerAveragePool2D {
  /// Relay's `qnn.avg_pool2d`.
  public static var imports: [ImportRule] {
    [
      .relay("qnn.avg_pool2d") { node, builder throws(Diagnostic) in
        let x = try node.operand(0, "data")
        let element = builder.type(of: x).element
        let requantized = try builder.addStep(
          Requantize(
            inputScales: [try builder.scale(node, 1, "input scale")],
            inputZeroPoints: [try builder.zeroPoint(node, 2, "input zero point")],
            outputScale: try builder.scale(node, 3, "output scale"),
            outputZeroPoint: try builder.zeroPoint(node, 4, "output zero point"),
            element: .int32), [x], "requantized", of: node)
        var pooling = node
        pooling.results = ["\(node.results.first ?? node.name):pooled"]
        let pooled = try pool(pooling, &builder, requantized)
        let range = element.integerRange
        let high = builder.addConstant(
          Tensor([Int32(clamping: range.upperBound)], []), name: "\(node.name):high")
        let low = builder.addConstant(
          Tensor([Int32(clamping: range.lowerBound)], []), name: "\(node.name):low")
        let bounded = try builder.addStep(Minimum(), [pooled, high], "bounded", of: node)
        let clipped = try builder.addStep(Maximum(), [bounded, low], "clipped", of: node)
        return try builder.add(Cast(element: element), [clipped], as: node)
      }
    ]
  }

  private static func pool(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ data: ValueID
  ) throws(Diagnostic) -> ValueID {
    let layouts = try ConvolutionLayouts(pooling: node)
    let x = try builder.channelsLast(data, layouts, of: node)
    let extents = [builder.shape(of: x)[1], builder.shape(of: x)[2]]
    var kernel = try node.ints("pool_size") ?? []
    if kernel.count == 1 { kernel += kernel }
    guard kernel.count == 2 else {
      throw Diagnostic(
        id: "import.window.rank", "attribute 'pool_size' is \(kernel), not of 2 numbers",
        at: node.place)
    }
    var window = try Window2D(relay: node, kernel: kernel)
    let includesPadding = try node.int("count_include_pad", default: 0) != 0
    if try node.int("ceil_mode", default: 0) != 0 {
      for axis in 0..<2 {
        let span = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        let rest = extents[axis] + window.padding[axis] + window.padding[axis + 2] - span
        let missing = (window.strides[axis] - rest % window.strides[axis]) % window.strides[axis]
        guard rest >= 0, missing == 0 || !includesPadding else {
          throw Diagnostic(
            id: "import.pool.ceil",
            "ceil_mode with count_include_pad over \(extents) is not supported for integers",
            at: node.place)
        }
        window.padding[axis + 2] += missing
      }
    }
    let op = IntegerAveragePool2D(
      window: window, includesPadding: includesPadding && window.padding != [0, 0, 0, 0])
    return try builder.addSpatial(op, [x], layouts, of: node)
  }
}

extension IntegerAveragePool2D: LowerableOperator {
  /// One call of `uq_avg_pool2d_s8`, whose multipliers divide exactly.
  ///
  /// For a divisor n of at most 2^22 and a sum of magnitude up to 128 n, the mantissa of `1/n` rounded up
  /// is off by less than 2^-30 of itself, so `sum · m / 2^s` truncated is `sum / n` truncated.
  ///
  /// - Throws: `lower.integer_average_pool2d.*`.
  public func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic) {
    let x = try context.activation(node, 0)
    let (xType, yType) = (context.type(of: x), context.type(of: node.result))
    guard xType.element == .int8, sums == .int32 else {
      throw context.problem(
        node, "element", "means of \(xType.element.name) summed in its own width: no kernel")
    }
    let geometry = try ImageGeometry(
      "integer_average_pool2d", xType, yType, window, at: context.place)
    let taps = window.kernel[0] * window.kernel[1]
    guard taps < 1 << 20 else {
      throw context.problem(node, "window", "a window of \(taps) elements; below 2^20 is supported")
    }
    let hasOneDivisor = includesPadding || window.padding.allSatisfy { $0 == 0 }
    var multipliers: [Int32] = []
    var shifts: [UInt8] = []
    for divisor in hasOneDivisor ? taps...taps : 1...taps {
      // The smallest m of 31 bits with m / 2^s not below 1 / n.
      let shift = 30 + (divisor == 1 ? 0 : Int.bitWidth - (divisor - 1).leadingZeroBitCount)
      let exact = ((1 << shift) + divisor - 1) / divisor
      multipliers.append(Int32(clamping: exact))
      shifts.append(UInt8(shift))
    }
    let factors = ProgramConstant(name: "\(node.name) multipliers", role: .scales, multipliers)
    let rights = ProgramConstant(name: "\(node.name) shifts", role: .scales, shifts)
    context.emit(
      AveragePool2DKernel(
        geometry: geometry, inputZeroPoint: 0, hasOneDivisor: hasOneDivisor,
        outputStage: OutputStage(
          zeroPoint: 0, bounds: -128...127, rounding: .single, exact: .towardZero),
        multipliers: context.addConstant(factors), shifts: context.addConstant(rights),
        input: context.buffer(x), output: context.buffer(node.result)))
  }
}
