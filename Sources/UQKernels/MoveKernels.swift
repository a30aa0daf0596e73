import UQRuntime

/// Copies rows of bytes (`uq_copy_2d`).
public struct CopyKernel: Kernel {
  /// Rows.
  public var rows: Int
  /// Bytes of a row.
  public var rowBytes: Int
  /// Bytes from a row of the operand to the next; 0 repeats the row.
  public var sourceStride: Int
  /// Bytes from a row of the result to the next.
  public var targetStride: Int
  /// Bytes in front of the operand's first row.
  public var sourceOffset: Int
  /// Bytes in front of the result's first row.
  public var targetOffset: Int
  /// Operand.
  public var x: KernelOperand
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    rows: Int = 1, rowBytes: Int, sourceStride: Int = 0, targetStride: Int = 0,
    sourceOffset: Int = 0, targetOffset: Int = 0, x: KernelOperand, y: BufferID
  ) {
    self.rows = rows
    self.rowBytes = rowBytes
    self.sourceStride = sourceStride
    self.targetStride = targetStride
    self.sourceOffset = sourceOffset
    self.targetOffset = targetOffset
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_copy_2d" }
  /// The header that declares it.
  public var header: String { "uq_move.h" }
  /// The source that defines it.
  public var source: String { "uq_move.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_copy_2d_params",
        fields: [
          CField("rows", rows), CField("row_bytes", rowBytes),
          CField("source_stride", sourceStride), CField("target_stride", targetStride),
          CField("source_offset", sourceOffset), CField("target_offset", targetOffset),
        ]), x.argument, .write(y),
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_copy_2d_params(
      rows: Int32(rows), row_bytes: Int32(rowBytes), source_stride: Int32(sourceStride),
      target_stride: Int32(targetStride), source_offset: Int32(sourceOffset),
      target_offset: Int32(targetOffset))
    uq_copy_2d(&params, x.pointer(memory, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

/// Constant padding along up to 4 axes (`uq_pad`).
public struct PadKernel: Kernel {
  /// Extents of the operand, 4.
  public var sizes: [Int]
  /// Elements in front of each axis, 4.
  public var before: [Int]
  /// Elements behind each axis, 4.
  public var after: [Int]
  /// Bytes of an element, 1 or 2.
  public var elementBytes: Int
  /// The integer that is added.
  public var value: Int
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call; fewer than 4 axes get extents of 1 in front.
  ///
  /// - Precondition: there are at most 4 axes.
  public init(
    sizes: [Int], before: [Int], after: [Int], elementBytes: Int, value: Int, x: BufferID,
    y: BufferID
  ) {
    let missing = 4 - sizes.count
    self.sizes = [Int](repeating: 1, count: missing) + sizes
    self.before = [Int](repeating: 0, count: missing) + before
    self.after = [Int](repeating: 0, count: missing) + after
    self.elementBytes = elementBytes
    self.value = value
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_pad" }
  /// The header that declares it.
  public var header: String { "uq_move.h" }
  /// The source that defines it.
  public var source: String { "uq_move.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_pad_params",
        fields: [
          CField("sizes", array: sizes), CField("before", array: before),
          CField("after", array: after), CField("element_bytes", elementBytes),
          CField("value", value),
        ]), .read(x), .write(y),
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_pad_params(
      sizes: four(sizes), before: four(before), after: four(after),
      element_bytes: Int32(elementBytes), value: Int32(value))
    uq_pad(&params, memory.pointer(x, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

/// Permutation of up to 4 axes (`uq_transpose`).
public struct TransposeKernel: Kernel {
  /// Extents of the operand, 4.
  public var sizes: [Int]
  /// The operand's axis for each axis of the result, 4.
  public var permutation: [Int]
  /// Bytes of an element, 1 or 2.
  public var elementBytes: Int
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call; fewer than 4 axes get extents of 1 in front.
  ///
  /// - Precondition: there are at most 4 axes.
  public init(sizes: [Int], permutation: [Int], elementBytes: Int, x: BufferID, y: BufferID) {
    let missing = 4 - sizes.count
    self.sizes = [Int](repeating: 1, count: missing) + sizes
    self.permutation = Array(0..<missing) + permutation.map { $0 + missing }
    self.elementBytes = elementBytes
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_transpose" }
  /// The header that declares it.
  public var header: String { "uq_move.h" }
  /// The source that defines it.
  public var source: String { "uq_move.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_transpose_params",
        fields: [
          CField("sizes", array: sizes), CField("permutation", array: permutation),
          CField("element_bytes", elementBytes),
        ]), .read(x), .write(y),
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_transpose_params(
      sizes: four(sizes), permutation: four(permutation), element_bytes: Int32(elementBytes))
    uq_transpose(&params, memory.pointer(x, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

/// Enlargement by whole factors, nearest neighbour (`uq_resize_nearest`).
public struct ResizeNearestKernel: Kernel {
  /// Rows of the operand.
  public var height: Int
  /// Pixels of a row of the operand.
  public var width: Int
  /// Bytes of a pixel.
  public var pixelBytes: Int
  /// Repetitions, `[height, width]`.
  public var factors: [Int]
  /// Operand.
  public var x: BufferID
  /// Result.
  public var y: BufferID

  /// Creates the call.
  public init(
    height: Int, width: Int, pixelBytes: Int, factors: [Int], x: BufferID, y: BufferID
  ) {
    self.height = height
    self.width = width
    self.pixelBytes = pixelBytes
    self.factors = factors
    self.x = x
    self.y = y
  }

  /// The C function.
  public var symbol: String { "uq_resize_nearest" }
  /// The header that declares it.
  public var header: String { "uq_move.h" }
  /// The source that defines it.
  public var source: String { "uq_move.c" }
  /// The arguments in order.
  public var arguments: [CArgument] {
    [
      .structure(
        type: "uq_resize_nearest_params",
        fields: [
          CField("in_h", height), CField("in_w", width), CField("pixel_bytes", pixelBytes),
          CField("factor_h", factors[0]), CField("factor_w", factors[1]),
        ]), .read(x), .write(y),
    ]
  }
  /// Calls the C function on host memory.
  public func run(_ memory: ProgramMemory) {
    var params = uq_resize_nearest_params(
      in_h: Int32(height), in_w: Int32(width), pixel_bytes: Int32(pixelBytes),
      factor_h: Int32(factors[0]), factor_w: Int32(factors[1]))
    uq_resize_nearest(
      &params, memory.pointer(x, as: UInt8.self), memory.pointer(y, as: UInt8.self))
  }
}

private func four(_ values: [Int]) -> (Int32, Int32, Int32, Int32) {
  (Int32(values[0]), Int32(values[1]), Int32(values[2]), Int32(values[3]))
}
