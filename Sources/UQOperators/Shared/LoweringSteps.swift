import UQGraph
import UQKernels
import UQNumerics
import UQSupport

extension LoweringContext {
  /// A diagnostic of the operator being lowered.
  func problem(_ node: Node, _ problem: String, _ message: String) -> Diagnostic {
    Diagnostic(id: "lower.\(node.spec.name).\(problem)", message, at: place)
  }

  /// An operand that must be there.
  ///
  /// - Throws: `lower.<operator>.operands`.
  func operand(_ node: Node, _ index: Int) throws(Diagnostic) -> ValueID {
    guard index < node.operands.count, let id = node.operands[index] else {
      throw problem(node, "operands", "operand \(index) is missing")
    }
    return id
  }

  /// An operand that flows through the network.
  ///
  /// - Throws: `lower.<operator>.constant` for a constant, `lower.<operator>.size` for 2³¹ bytes.
  func activation(_ node: Node, _ index: Int) throws(Diagnostic) -> ValueID {
    let id = try operand(node, index)
    guard graph.constant(id) == nil else {
      throw problem(
        node, "constant", "operand '\(graph[id].name)' is a constant, which should be folded")
    }
    for id in [id, node.result] where graph.type(of: id).byteCount > Int(Int32.max) {
      throw problem(
        node, "size", "'\(graph[id].name)' is \(graph.type(of: id)), which is too large")
    }
    return id
  }

  /// The quantization of an activation, per tensor.
  ///
  /// - Parameter bits: 8 for bytes, which integers of 4 bits are to a kernel before packing; 16; `nil` for any.
  /// - Throws: `lower.value.unquantized`, `lower.<operator>.bits` where it is not of the bits.
  func quantization(_ node: Node, _ id: ValueID, bits: Int? = nil) throws(Diagnostic)
    -> Quantization
  {
    let found = try quantization(of: id)
    guard found.axis == nil, found.scales.count == 1,
      bits.map({ ($0 + 7) / 8 == found.storageBytes }) ?? true,
      [4, 8, 16].contains(found.bits), found.scale > 0, found.scale.isFinite
    else {
      throw problem(
        node, "bits",
        "'\(graph[id].name)' has \(found.bits) bits and \(found.scales.count) scales; the kernel"
          + " takes \(bits.map(String.init) ?? "4, 8 or 16") bits and one scale")
    }
    return found
  }

  /// The real values behind a constant; `nil` for an activation.
  ///
  /// - Throws: `lower.<operator>.constant` for integers without a quantization.
  func reals(_ node: Node, _ id: ValueID) throws(Diagnostic) -> [Double]? {
    guard let constant = graph.constant(id) else { return nil }
    let values = constant.converted(to: .float64).elements(Double.self)
    if constant.element.isFloat { return values }
    guard let quantization = graph.type(of: id).quantization, quantization.groupSize == nil else {
      throw problem(
        node, "constant", "constant '\(graph[id].name)' is \(constant.type), not real numbers")
    }
    let zero = Double(quantization.zeroPoint)
    guard let axis = quantization.axis else {
      return values.map { quantization.scale * ($0 - zero) }
    }
    guard constant.shape.indices.contains(axis), quantization.scales.count == constant.shape[axis]
    else {
      throw problem(
        node, "constant", "constant '\(graph[id].name)' has scales that do not fit its shape")
    }
    let step = constant.shape.strides[axis]
    return values.enumerated().map { position, value in
      quantization.scales[position / step % constant.shape[axis]] * (value - zero)
    }
  }

  /// A factor for a requantizing kernel.
  ///
  /// - Throws: `lower.<operator>.scale` for one that is too large.
  func scale(_ node: Node, _ factor: Double) throws(Diagnostic) -> KernelScale {
    guard let scale = KernelScale(factor, rounding) else {
      throw problem(node, "scale", "the ratio of scales is \(factor); it must be below 2^29")
    }
    return scale
  }

  /// Computes `function` of an activation by a table of 256 exactly rounded results or, of 16 bits, by one
  /// of 513 points.
  ///
  /// - Throws: `lower.<operator>.bits`.
  mutating func lookUp(
    _ node: Node, _ x: ValueID, _ function: (Double) -> Double
  ) throws(Diagnostic) {
    let from = try quantization(node, x)
    let to = try quantization(node, node.result, bits: from.bits)
    if from.bits == 16 {
      let points = (0...512).map { Int16(to.quantize(function(from.dequantize(128 * $0 - 32768)))) }
      let table = addConstant(
        ProgramConstant(name: "\(node.name) table", role: .table, points))
      return emit(
        LookupKernel(
          isWide: true, table: table, count: type(of: x).shape.count, x: buffer(x),
          y: buffer(node.result)))
    }
    let table = addConstant(
      ProgramConstant(
        name: "\(node.name) table", role: .table, lookupTable(from: from, to: to, function)))
    emit(
      LookupKernel(
        table: table, count: type(of: x).shape.count, x: buffer(x), y: buffer(node.result)))
  }

  /// Brings a buffer from one quantization to another in a buffer of its own.
  ///
  /// - Throws: `lower.<operator>.bits`, `lower.<operator>.scale`.
  mutating func rescale(
    _ node: Node, _ x: BufferID, _ from: Quantization, to: Quantization, count: Int,
    into y: BufferID, _ clamp: Clamp = .none
  ) throws(Diagnostic) {
    let scale = try scale(node, from.scale / to.scale)
    emit(
      RescaleKernel(
        readsWide: from.bits == 16, writesWide: to.bits == 16, count: count,
        zeroPoint: from.zeroPoint, scale: scale,
        output: OutputStage(to, clamp, rounding: scale.rounding), x: x, y: y))
  }

  /// The buffer of an activation in the quantization `to`: its own, or a rescaled copy.
  ///
  /// - Throws: `lower.<operator>.bits`, `lower.<operator>.scale`.
  mutating func conformed(_ node: Node, _ x: ValueID, to: Quantization) throws(Diagnostic)
    -> BufferID
  {
    let from = try quantization(node, x)
    if from == to { return buffer(x) }
    let type = TensorType(to.bits == 16 ? .int16 : .int8, type(of: x).shape, quantization: to)
    let copy = addTemporary(type, name: "\(graph[x].name) rescaled")
    try rescale(node, buffer(x), from, to: to, count: type.shape.count, into: copy)
    return copy
  }

  /// Lets the result be the operand's memory, or a rescaled copy of it.
  ///
  /// - Throws: what ``conformed(_:_:to:)`` throws.
  mutating func pass(_ node: Node, _ x: ValueID) throws(Diagnostic) {
    let from = try quantization(node, x)
    let to = try quantization(node, node.result)
    if from == to { return alias(node.result, to: x) }
    try rescale(
      node, buffer(x), from, to: to, count: type(of: x).shape.count, into: buffer(node.result))
  }

  /// Copies a box of elements from one buffer to another by as few calls as the strides allow.
  ///
  /// - Throws: `lower.<operator>.scattered` for more than 64 calls.
  mutating func copyBox(
    _ node: Node, _ extents: [Int], from: StridedBox, to: StridedBox, elementBytes: Int,
    x: KernelOperand, y: BufferID
  ) throws(Diagnostic) {
    guard !extents.contains(0) else { return }
    var axes: [(extent: Int, from: Int, to: Int)] = []
    for (axis, extent) in extents.enumerated() where extent > 1 {
      let next = (extent: extent, from: from.strides[axis], to: to.strides[axis])
      if let last = axes.last, last.from == next.from * extent, last.to == next.to * extent {
        axes[axes.count - 1] = (last.extent * extent, next.from, next.to)
      } else {
        axes.append(next)
      }
    }
    var row = 1
    if let last = axes.last, last.from == 1, last.to == 1 {
      row = last.extent
      axes.removeLast()
    }
    var rows = (extent: 1, from: 0, to: 0)
    if let longest = axes.indices.max(by: { axes[$0].extent < axes[$1].extent }) {
      rows = axes.remove(at: longest)
    }
    var starts = [(from: from.offset, to: to.offset)]
    for axis in axes {
      guard starts.count * axis.extent <= 64 else {
        throw problem(
          node, "scattered", "moves \(extents) elements in more than 64 separate blocks")
      }
      starts = starts.flatMap { start in
        (0..<axis.extent).map { (start.from + $0 * axis.from, start.to + $0 * axis.to) }
      }
    }
    for start in starts {
      emit(
        CopyKernel(
          rows: rows.extent, rowBytes: row * elementBytes, sourceStride: rows.from * elementBytes,
          targetStride: rows.to * elementBytes, sourceOffset: start.from * elementBytes,
          targetOffset: start.to * elementBytes, x: x, y: y))
    }
  }
}

/// The results of `function` for the operands −128...127, each rounded once, ties away from zero.
func lookupTable(
  from: Quantization, to: Quantization, _ function: (Double) -> Double
) -> [Int8] {
  (-128...127).map { Int8(to.quantize(function(from.dequantize($0)))) }
}
