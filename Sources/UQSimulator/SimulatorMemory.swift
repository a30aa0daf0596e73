import UQKernels
import UQSupport

/// One block of memory: the arena, then every buffer of the caller, with a guard around each.
final class SimulatorMemory {
  /// Bytes between the parts.
  static let guardBytes = 256

  /// The whole block.
  let block: UnsafeMutableRawBufferPointer
  /// Where the arena starts in the block.
  let arenaStart: Int
  /// Where each buffer starts in the block; buffers without a place start at 0 and have no bytes.
  let starts: [Int]
  private let sizes: [Int]
  private let base: UnsafeMutableRawPointer
  private let table: UnsafeMutablePointer<UnsafeMutableRawPointer>

  /// Lays out the block.
  ///
  /// - Precondition: ``validate(_:_:)`` accepts the arguments.
  init(_ program: KernelProgram, _ plan: ArenaPlan) {
    let alignment = program.buffers.reduce(max(64, plan.alignment)) { max($0, $1.alignment) }
    func roundUp(_ value: Int) -> Int { (value + alignment - 1) & -alignment }
    arenaStart = roundUp(Self.guardBytes)
    var end = arenaStart + plan.byteCount
    var starts: [Int] = []
    var sizes: [Int] = []
    for (buffer, offset) in zip(program.buffers, plan.offsets) {
      if let offset {
        starts.append(arenaStart + offset)
        sizes.append(buffer.byteCount)
      } else if Self.isForeign(buffer) {
        starts.append(roundUp(end + Self.guardBytes))
        sizes.append(buffer.byteCount)
        end = roundUp(end + Self.guardBytes) + buffer.byteCount
      } else {
        starts.append(0)
        sizes.append(0)
      }
    }
    self.starts = starts
    self.sizes = sizes
    let size = end + Self.guardBytes
    base = .allocate(byteCount: size, alignment: alignment)
    block = UnsafeMutableRawBufferPointer(start: base, count: size)
    block.initializeMemory(as: UInt8.self, repeating: 0)
    table = .allocate(capacity: max(1, starts.count))
    for (index, start) in starts.enumerated() { (table + index).initialize(to: base + start) }
  }

  deinit {
    base.deallocate()
    table.deallocate()
  }

  /// Addresses in the program's order.
  var addresses: UnsafePointer<UnsafeMutableRawPointer> { UnsafePointer(table) }

  /// The bytes of a buffer.
  func bytes(of id: BufferID) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: block[range(of: id.index)])
  }

  /// Where a buffer lies in the block.
  func range(of buffer: Int) -> Range<Int> {
    starts[buffer]..<starts[buffer] + sizes[buffer]
  }

  /// Whether the caller owns a buffer.
  static func isForeign(_ buffer: ProgramBuffer) -> Bool {
    switch buffer.kind {
    case .input, .output: true
    case .activation, .scratch: false
    }
  }

  /// Checks that every used buffer has a place inside the arena.
  ///
  /// - Throws: `simulate.plan.mismatch`.
  static func validate(_ program: KernelProgram, _ plan: ArenaPlan) throws(Diagnostic) {
    func mismatch(_ message: String) -> Diagnostic {
      Diagnostic(id: "simulate.plan.mismatch", message)
    }
    guard plan.offsets.count == program.buffers.count, plan.byteCount >= 0, plan.alignment > 0,
      plan.alignment & (plan.alignment - 1) == 0
    else { throw mismatch("the plan is not one for '\(program.name)'") }
    var used = Set<Int>()
    for call in program.calls {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch {
        used.insert(id.index)
      }
    }
    for (index, buffer) in program.buffers.enumerated() {
      if let offset = plan.offsets[index] {
        guard offset >= 0, offset <= plan.byteCount, buffer.byteCount <= plan.byteCount - offset
        else {
          throw mismatch(
            "'\(buffer.name)' lies at \(offset) of \(plan.byteCount) with \(buffer.byteCount) bytes"
          )
        }
      } else if !isForeign(buffer), buffer.byteCount > 0, used.contains(index) {
        throw mismatch("'\(buffer.name)' has no place in the arena")
      }
    }
  }
}
