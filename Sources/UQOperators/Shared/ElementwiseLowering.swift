import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// An operand of an elementwise kernel and the quantization it is read with.
struct QuantizedOperand {
  var source: KernelOperand
  var shape: Shape
  var quantization: Quantization
}

extension LoweringContext {
  /// Lowers a binary operator one of whose operands is a constant number: a table of the other's.
  ///
  /// - Returns: whether there was such an operand.
  mutating func lowerWithScalar(
    _ node: Node, _ clamp: Clamp = .none, _ function: (Double, Double) -> Double
  ) throws(Diagnostic) -> Bool {
    let a = try operand(node, 0)
    let b = try operand(node, 1)
    let count = type(of: node.result).shape.count
    let limit = { (y: Double) in min(max(y, Double(clamp.low)), Double(clamp.high)) }
    if let values = try reals(node, b), let value = uniform(values),
      type(of: a).shape.count == count
    {
      let x = try activation(node, 0)
      try lookUp(node, x) { limit(function($0, value)) }
      return true
    }
    if let values = try reals(node, a), let value = uniform(values),
      type(of: b).shape.count == count
    {
      let x = try activation(node, 1)
      try lookUp(node, x) { limit(function(value, $0)) }
      return true
    }
    return false
  }

  private func uniform(_ values: [Double]) -> Double? {
    guard let first = values.first, values.allSatisfy({ $0 == first }) else { return nil }
    return first
  }

  /// Lowers `weight · x + bias` with constants for each channel, the innermost axis.
  ///
  /// - Parameters:
  ///   - weights: factor of each channel; `nil` for 1.
  ///   - biases: addend of each channel; `nil` for 0.
  /// - Returns: `false` where the constants are not spread over the innermost axis.
  mutating func lowerChannelAffine(
    _ node: Node, _ x: ValueID, constantShape: Shape, weights: [Double]?, biases: [Double]?,
    _ clamp: Clamp
  ) throws(Diagnostic) -> Bool {
    let shape = type(of: x).shape
    let walk = BroadcastWalk(shape, constantShape, type(of: node.result).shape)
    let isInnermost = walk.second == [1] || walk.second == [0, 1]
    guard shape.count == type(of: node.result).shape.count, isInnermost, constantShape.count <= 1024
    else { return false }
    let from = try quantization(node, x)
    let to = try quantization(node, node.result, bits: from.bits)
    let isWide = from.bits == 16
    if isWide { try requireZeroPoints(node, from, to) }
    let channels = constantShape.count
    var integers = [Int8](repeating: 0, count: channels)
    var bias = [Int32](repeating: 0, count: channels)
    var multipliers = [Int32](repeating: 0, count: channels)
    var shifts = [UInt8](repeating: 1, count: channels)
    // One clamp and rounding serve all channels; a factor that is no power of two rounds once.
    var used = rounding
    var factors: [Double] = []
    for channel in 0..<channels {
      let weight = weights?[channel] ?? 1
      // Whole weights keep the bias precise; without a bias the multiplier alone carries the factor.
      let unit = biases == nil ? 1.0 : 64.0
      factors.append(weight * from.scale / (unit * to.scale))
      if try scale(node, factors[channel]).rounding != rounding { used = .single }
    }
    for channel in 0..<channels {
      guard let scale = KernelScale(factors[channel], used), scale.rounding == used else {
        throw problem(node, "scale", "the ratio of scales is \(factors[channel])")
      }
      let unit = biases == nil ? 1 : 64
      integers[channel] = Int8(unit)
      multipliers[channel] = Int32(scale.multiplier)
      shifts[channel] = UInt8(scale.shift)
      let weight = weights?[channel] ?? 1
      let addend = weight == 0 ? 0 : (biases?[channel] ?? 0) / (weight * from.scale) * Double(unit)
      let folded = addend.rounded() - Double(from.zeroPoint * unit)
      bias[channel] = Int32(min(max(folded, -0x1p30), 0x1p30))
    }
    let layer = RequantizedLayer(
      weights: addConstant(
        ProgramConstant(name: "\(node.name) weights", role: .weights, integers)), bits: 8,
      bias: addConstant(ProgramConstant(name: "\(node.name) bias", role: .bias, bias)),
      multipliers: addConstant(
        ProgramConstant(name: "\(node.name) multipliers", role: .scales, multipliers)),
      shifts: addConstant(ProgramConstant(name: "\(node.name) shifts", role: .scales, shifts)))
    let line = TensorType(
      isWide ? .int16 : .int8, [1, 1, shape.count / max(channels, 1), channels])
    let geometry = try ImageGeometry(
      node.spec.name, line, line, Window2D(kernel: [1, 1]), at: place)
    var kernel = DepthwiseConv2DKernel(
      geometry: geometry, multiplier: 1, inputZeroPoint: from.zeroPoint,
      outputStage: OutputStage(to, clamp, rounding: used), layer: layer, isWide: isWide,
      input: buffer(x), output: buffer(node.result))
    kernel.scratchBuffer = addScratch(kernel.scratchBytes, alignment: 1)
    emit(kernel, macs: shape.count)
    return true
  }

  /// Lowers a binary operator to a kernel of two operands, the first of which has the result's shape.
  ///
  /// - Parameters:
  ///   - shared: the quantization that both operands are brought to; `nil` leaves them their own.
  ///   - make: the kernel; `isSwapped` says that the operands changed places.
  mutating func lowerPair(
    _ node: Node, shared: Quantization? = nil,
    _ make: (
      _ a: QuantizedOperand, _ b: QuantizedOperand, _ isSwapped: Bool, _ broadcast: KernelBroadcast,
      _ y: BufferID
    ) throws(Diagnostic) -> any Kernel
  ) throws(Diagnostic) {
    let shape = type(of: node.result).shape
    guard shape.count > 0 else { throw problem(node, "empty", "the result has no elements") }
    let result = try quantization(node, node.result)
    var a = try quantizedOperand(node, 0, shared, bits: result.bits)
    var b = try quantizedOperand(node, 1, shared, bits: result.bits)
    if result.bits == 16 { try requireZeroPoints(node, a.quantization, b.quantization, result) }
    let isSwapped = a.shape.count != shape.count && b.shape.count == shape.count
    if isSwapped { swap(&a, &b) }
    if a.shape.count != shape.count { a = try spread(node, a, to: shape) }
    var walk = BroadcastWalk(a.shape, b.shape, shape)
    if walk.extents.count > 2 {
      b = try spread(node, b, to: shape)
      walk = BroadcastWalk(a.shape, b.shape, shape)
    }
    let last = walk.extents.count - 1
    let broadcast = KernelBroadcast(
      outer: last == 0 ? 1 : walk.extents[0], inner: walk.extents[last],
      outerStride: last == 0 ? 0 : walk.second[0], innerStride: walk.second[last])
    let kernel = try make(a, b, isSwapped, broadcast, buffer(node.result))
    emit(kernel)
  }

  private func requireZeroPoints(_ node: Node, _ all: Quantization...) throws(Diagnostic) {
    guard all.allSatisfy({ $0.zeroPoint == 0 }) else {
      throw problem(node, "bits", "kernels of 16 bits take zero points of 0")
    }
  }

  private mutating func quantizedOperand(
    _ node: Node, _ index: Int, _ shared: Quantization?, bits: Int
  ) throws(Diagnostic) -> QuantizedOperand {
    let id = try operand(node, index)
    guard let values = try reals(node, id) else {
      let x = try activation(node, index)
      let own = try quantization(node, x, bits: bits)
      let source = try conformed(node, x, to: shared ?? own)
      return QuantizedOperand(
        source: .buffer(source), shape: type(of: x).shape, quantization: shared ?? own)
    }
    let quantization: Quantization
    if let shared {
      quantization = shared
    } else {
      quantization = try quantizationCovering(node, values, bits: bits)
    }
    let integers = values.map { quantization.quantize($0) }
    let constant = addConstant(
      bits == 16
        ? ProgramConstant(name: graph[id].name, role: .weights, integers.map { Int16($0) })
        : ProgramConstant(name: graph[id].name, role: .weights, integers.map { Int8($0) }))
    return QuantizedOperand(
      source: .constant(constant), shape: type(of: id).shape, quantization: quantization)
  }

  /// The finest quantization of 8 bits that holds values and 0, or of 16 bits with 0 in the middle.
  private func quantizationCovering(
    _ node: Node, _ values: [Double], bits: Int
  ) throws(Diagnostic) -> Quantization {
    let low = values.reduce(0, Swift.min)
    let high = values.reduce(0, Swift.max)
    guard (high - low).isFinite else {
      throw problem(node, "constant", "a constant operand ranges from \(low) to \(high)")
    }
    guard high > low else {
      return Quantization(bits: bits == 16 ? 16 : 8, scales: [1], zeroPoint: 0)
    }
    if bits == 16 { return Quantization(bits: 16, scales: [max(-low, high) / 32767]) }
    let scale = (high - low) / 255
    return Quantization(
      bits: 8, scales: [scale], zeroPoint: Int((-128 - low / scale).rounded()))
  }

  /// The operand repeated to the whole shape.
  private mutating func spread(_ node: Node, _ x: QuantizedOperand, to shape: Shape)
    throws(Diagnostic) -> QuantizedOperand
  {
    let isWide = x.quantization.bits == 16
    let type = TensorType(isWide ? .int16 : .int8, shape, quantization: x.quantization)
    let target = addTemporary(type, name: "\(node.name) operand")
    try copyBox(
      node, shape.dimensions, from: broadcastBox(x.shape, to: shape),
      to: StridedBox(offset: 0, strides: shape.strides), elementBytes: isWide ? 2 : 1,
      x: x.source, y: target)
    return QuantizedOperand(source: .buffer(target), shape: shape, quantization: x.quantization)
  }
}

extension LoweringContext {
  /// Appends a call made elsewhere.
  fileprivate mutating func emit(_ kernel: any Kernel) { open(kernel) }

  private mutating func open(_ kernel: some Kernel) { emit(kernel, macs: 0) }
}

/// Where the elements of `shape` lie in an operand that broadcasts to it.
func broadcastBox(_ operand: Shape, to shape: Shape) -> StridedBox {
  let strides = operand.strides
  let lead = shape.rank - operand.rank
  return StridedBox(
    offset: 0,
    strides: (0..<shape.rank).map {
      $0 < lead || operand[$0 - lead] == 1 ? 0 : strides[$0 - lead]
    })
}
