import UQKernels

/// The constants of a program in host memory, aligned to 16 bytes; shared by simulators of all threads.
final class ConstantMemory: @unchecked Sendable {
  // Both are written in init only.
  private let bytes: UnsafeMutableRawPointer
  private let table: UnsafeMutablePointer<UnsafeRawPointer>

  /// Copies the constants.
  init(_ constants: [ProgramConstant]) {
    var offsets: [Int] = []
    var size = 0
    for constant in constants {
      offsets.append(size)
      size += (constant.bytes.count + 15) & -16
    }
    bytes = .allocate(byteCount: max(1, size), alignment: 16)
    table = .allocate(capacity: max(1, constants.count))
    for (constant, offset) in zip(constants, offsets) {
      UnsafeMutableRawBufferPointer(start: bytes + offset, count: constant.bytes.count)
        .copyBytes(from: constant.bytes)
    }
    for (index, offset) in offsets.enumerated() {
      (table + index).initialize(to: UnsafeRawPointer(bytes + offset))
    }
  }

  deinit {
    bytes.deallocate()
    table.deallocate()
  }

  /// Addresses in the program's order.
  var addresses: UnsafePointer<UnsafeRawPointer> { UnsafePointer(table) }
}
