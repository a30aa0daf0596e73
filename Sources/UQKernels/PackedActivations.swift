import UQNumerics

/// How activations of 4 bits lie in memory; the mirror of `uq_nibbles.h`.
///
/// Two to a byte, two's complement, the channels of each pixel (the innermost axis) starting on a byte, the
/// first in the lower bits.
public enum NibblePacking {
  /// Bytes of pixels of `channels` integers.
  public static func bytes(pixels: Int, channels: Int) -> Int { pixels * ((channels + 1) / 2) }

  /// Packs integers of −8...7.
  ///
  /// - Precondition: `values.count` is a multiple of `channels`.
  public static func pack(_ values: [Int8], channels: Int) -> [UInt8] {
    WeightPacking.pack(values, rowLength: channels, bits: 4)
  }

  /// Integer `index` of packed pixels.
  public static func integer(at index: Int, of bytes: UnsafePointer<UInt8>, channels: Int) -> Int {
    let (pixel, channel) = index.quotientAndRemainder(dividingBy: channels)
    let byte = bytes[pixel * ((channels + 1) / 2) + channel / 2]
    return Int(Int8(bitPattern: channel % 2 == 0 ? byte << 4 : byte) >> 4)
  }

  /// The integers that ``pack(_:channels:)`` packed.
  public static func unpack(_ bytes: [UInt8], pixels: Int, channels: Int) -> [Int8] {
    WeightPacking.unpack(bytes, rows: pixels, rowLength: channels, bits: 4)
  }
}

/// A kernel that has a variant for buffers of 4-bit integers.
public protocol PackableKernel: Kernel {
  /// Whether all buffers of the call that can be packed have to be, or none.
  var packsTogether: Bool { get }
  /// Whether pixels of all buffers that are packed have to have as many channels.
  var alignsChannels: Bool { get }
  /// Whether the variant finds the elements of a buffer whose pixels have so many channels; 2 stands for
  /// every even number, whose pixels have no unused bits.
  func canPack(_ buffer: BufferID, channels: Int) -> Bool
  /// The variant; `channels` of the pixels of the buffers that are packed, as for ``canPack(_:channels:)``.
  func packing(_ channels: [BufferID: Int]) -> any Kernel
}

extension PackableKernel {
  /// Each buffer has its own bits.
  public var packsTogether: Bool { false }
  /// Each buffer has its own pixels.
  public var alignsChannels: Bool { false }
}

/// A kernel with scratch memory that is known once its variant is.
protocol ScratchKernel: Kernel {
  var scratchBytes: Int { get }
  var scratchBuffer: BufferID? { get set }
}

/// A kernel that reads a part of a table.
protocol TableKernel: Kernel {
  var table: ConstantID { get set }
  /// The bytes of the table that it reads, from the first of which it is to begin.
  var tableBytes: Range<Int> { get }
}

extension KernelProgram {
  /// The activations that can be stored in 4 bits, with what else has to be then.
  ///
  /// A buffer can where every call that touches it has a variant that does, and where those that have to go
  /// with it can. Inputs and outputs cannot: they are the caller's.
  ///
  /// - Complexity: O(calls · buffers of a call), repeated until nothing changes.
  public func packableBuffers() -> Set<BufferID> {
    var result = Set(
      buffers.indices.map(BufferID.init).filter {
        let buffer = self[$0]
        return buffer.kind == .activation && buffer.type?.element == .int8
          && buffer.type?.quantization != nil && (buffer.type?.shape.count ?? 0) > 0
      })
    var isStable = false
    while !isStable {
      isStable = true
      for call in calls {
        let touched = Set(call.kernel.reads + call.kernel.writes)
        let able = touched.filter { id in
          guard result.contains(id), let kernel = call.kernel as? any PackableKernel else {
            return false
          }
          return kernel.canPack(id, channels: packedChannels(of: id))
        }
        let kernel = call.kernel as? any PackableKernel
        let isSplit = kernel?.packsTogether == true && able.count < touched.count
        let isUneven =
          kernel?.alignsChannels == true && Set(able.map(packedChannels)).count > 1
        let kept = isSplit || isUneven ? [] : able
        for id in touched where result.contains(id) && !kept.contains(id) {
          result.remove(id)
          isStable = false
        }
      }
    }
    return result
  }

  /// How many buffers are stored in 4 bits.
  public var packedBufferCount: Int {
    buffers.count { buffer in
      buffer.kind == .activation && buffer.byteCount < buffer.type?.byteCount ?? 0
    }
  }

  /// The first call that keeps one of some buffers from being packed; `nil` where there is none.
  public func firstCallWithoutPacking(of ids: Set<BufferID>) -> KernelCall? {
    calls.first { call in
      let touched = (call.kernel.reads + call.kernel.writes).filter(ids.contains)
      guard let kernel = call.kernel as? any PackableKernel else { return !touched.isEmpty }
      return touched.contains { !kernel.canPack($0, channels: packedChannels(of: $0)) }
    }
  }

  /// Channels of the pixels of a buffer; 2 for every even number.
  private func packedChannels(of id: BufferID) -> Int {
    let channels = self[id].type?.shape.last ?? 1
    return channels % 2 == 0 ? 2 : channels
  }

  /// The program with some buffers stored in 4 bits, and the kernels that take them.
  ///
  /// - Precondition: they are among ``packableBuffers()``, with all that have to go together.
  public func packing(_ packed: Set<BufferID>) -> KernelProgram {
    guard !packed.isEmpty else { return self }
    var result = self
    for id in packed {
      guard let type = self[id].type, let channels = type.shape.last, channels > 0 else { continue }
      result[id].byteCount = NibblePacking.bytes(
        pixels: type.shape.count / channels, channels: channels)
    }
    for (index, call) in calls.enumerated() {
      let touched = (call.kernel.reads + call.kernel.writes).filter(packed.contains)
      guard let kernel = call.kernel as? any PackableKernel, !touched.isEmpty else { continue }
      let channels = Dictionary(
        touched.map { ($0, packedChannels(of: $0)) }, uniquingKeysWith: { first, _ in first })
      result.calls[index].kernel = result.withTable(
        result.withScratch(kernel.packing(channels), for: call))
    }
    return result
  }

  /// The kernel with as much of its table as it reads.
  private mutating func withTable(_ kernel: any Kernel) -> any Kernel {
    guard var kernel = kernel as? any TableKernel else { return kernel }
    var table = self[kernel.table]
    guard kernel.tableBytes.count < table.bytes.count else { return kernel }
    table.bytes = Array(table.bytes[kernel.tableBytes])
    let readers = calls.count { $0.kernel.constants.contains(kernel.table) }
    if readers > 1 {
      constants.append(table)
      kernel.table = ConstantID(constants.count - 1)
    } else {
      constants[kernel.table.index] = table
    }
    return kernel
  }

  /// The kernel with as much scratch memory as it needs.
  private mutating func withScratch(_ kernel: any Kernel, for call: KernelCall) -> any Kernel {
    guard var kernel = kernel as? any ScratchKernel else { return kernel }
    let bytes = kernel.scratchBytes
    if let buffer = call.kernel.scratch.first {
      self[buffer].byteCount = bytes
      kernel.scratchBuffer = bytes > 0 ? buffer : nil
    } else if bytes > 0 {
      buffers.append(
        ProgramBuffer(
          name: "\(call.layer) scratch", kind: .scratch, byteCount: bytes, alignment: 1))
      kernel.scratchBuffer = BufferID(buffers.count - 1)
    }
    return kernel
  }
}
