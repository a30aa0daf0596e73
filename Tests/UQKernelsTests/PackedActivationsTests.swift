import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQKernels

@Suite struct PackedActivationsTests {
  @Test func layoutIsThatOfTheDocumentation() {
    #expect(NibblePacking.pack([-8, 7, 1], channels: 3) == [0x78, 0x01])
    #expect(NibblePacking.pack([-8, 7, 1, -1], channels: 2) == [0x78, 0xF1])
    #expect(NibblePacking.bytes(pixels: 5, channels: 3) == 10)
  }

  @Test(arguments: 1...9) func integersComeBack(channels: Int) {
    let values = (0..<3 * channels).map { Int8($0 * 7 % 16 - 8) }
    let packed = NibblePacking.pack(values, channels: channels)
    #expect(packed.count == NibblePacking.bytes(pixels: 3, channels: channels))
    #expect(NibblePacking.unpack(packed, pixels: 3, channels: channels) == values)
    packed.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      let read = values.indices.map {
        NibblePacking.integer(at: $0, of: base, channels: channels)
      }
      #expect(read == values.map(Int.init))
    }
  }

  /// A program of moves between an input, two activations of a shape and an output.
  private func program(_ shape: Shape, _ kernel: (BufferID, BufferID) -> any Kernel)
    -> KernelProgram
  {
    var program = KernelProgram(name: "p")
    let type = TensorType(.int8, shape, quantization: Quantization(bits: 4, scales: [1]))
    for (index, kind) in [
      ProgramBuffer.Kind.input(0), .activation, .activation, .output(0),
    ].enumerated() {
      program.buffers.append(
        ProgramBuffer(name: "b\(index)", kind: kind, byteCount: shape.count, type: type))
    }
    let pool = { (x: Int, y: Int) in
      MaxPool2DKernel(
        geometry: try? ImageGeometry(
          "pool",
          TensorType(.int8, Shape([1, shape.count / (shape.last ?? 1), 1, shape.last ?? 1])),
          TensorType(.int8, Shape([1, shape.count / (shape.last ?? 1), 1, shape.last ?? 1])),
          Window2D(kernel: [1, 1]), at: SourcePlace()),
        input: BufferID(x), output: BufferID(y))
    }
    for kernel in [pool(0, 1), kernel(BufferID(1), BufferID(2)), pool(2, 3)] as [(any Kernel)?] {
      guard let kernel else { continue }
      program.calls.append(KernelCall(kernel: kernel, layer: "l", operatorName: "o", macs: 0))
    }
    return program
  }

  private func copy(_ bytes: Int, offset: Int = 0) -> (BufferID, BufferID) -> any Kernel {
    { CopyKernel(rowBytes: bytes, targetOffset: offset, x: .buffer($0), y: $1) }
  }

  @Test func copiesOfWholeBytesArePacked() {
    let plain = program([2, 4], copy(8))
    #expect(plain.packableBuffers() == [BufferID(1), BufferID(2)])
    let packed = plain.packing(plain.packableBuffers())
    #expect(packed.buffers.map(\.byteCount) == [8, 4, 4, 8])
    #expect(packed.packedBufferCount == 2)
    #expect((packed.calls[1].kernel as? CopyKernel)?.rowBytes == 4)
    #expect(packed.calls[0].kernel.symbol == "uq_max_pool2d_s4")
  }

  /// A copy to the middle of a byte, and one of pixels with unused bits, stay bytes.
  @Test func copiesOfHalfBytesAreNot() {
    #expect(program([2, 4], copy(5)).packableBuffers().isEmpty)
    #expect(program([2, 4], copy(4, offset: 1)).packableBuffers().isEmpty)
    #expect(program([4, 3], copy(12)).packableBuffers().isEmpty)
  }

  @Test func whatIsPaddedHasPairsOfTheValue() {
    let pad = PadKernel(
      sizes: [2, 4], before: [1, 2], after: [0, 2], elementBytes: 1, value: -3, x: BufferID(1),
      y: BufferID(2))
    #expect(pad.canPack(BufferID(1), channels: 2))
    #expect(!pad.canPack(BufferID(1), channels: 3))
    let packed = pad.packing([BufferID(1): 2, BufferID(2): 2]) as? PadKernel
    #expect(packed?.sizes == [1, 1, 2, 2] && packed?.before == [0, 0, 1, 1])
    #expect(packed.map { UInt8(truncatingIfNeeded: $0.value) } == 0xDD)
  }

  /// A table for integers of 4 bits has 16 entries; one that bytes read too stays whole.
  @Test(arguments: [4, 3]) func tablesAreCutToWhatIsRead(channels: Int) {
    let entries = (0..<256).map { Int8(truncatingIfNeeded: $0 * 7) }
    func lookUp(_ table: Int) -> (BufferID, BufferID) -> any Kernel {
      { LookupKernel(table: ConstantID(table), count: 2 * channels, x: $0, y: $1) }
    }
    var plain = program([2, channels], lookUp(0))
    plain.constants.append(ProgramConstant(name: "t", role: .table, entries))
    #expect(plain.packableBuffers() == [BufferID(1), BufferID(2)])
    let packed = plain.packing([BufferID(1), BufferID(2)])
    let kernel = packed.calls[1].kernel as? PackedLookupKernel
    #expect(kernel?.channels == (channels == 4 ? 8 : 3))
    #expect(packed.constants.map(\.bytes) == [entries[120..<136].map(UInt8.init(bitPattern:))])
    let half = plain.packing([BufferID(2)])
    #expect(half.calls[1].kernel.symbol == "uq_lut_s4" && half.constants[0].bytes.count == 256)
    // The second call reads an output, which stays bytes.
    plain.calls.append(
      KernelCall(
        kernel: lookUp(0)(BufferID(3), BufferID(0)), layer: "l", operatorName: "o", macs: 0))
    let shared = plain.packing([BufferID(1), BufferID(2)])
    #expect(shared.constants.map(\.bytes.count) == [256, 16])
    #expect((shared.calls[1].kernel as? PackedLookupKernel)?.table == ConstantID(1))
  }

  /// Where one tensor has unused bits at the end of its pixels and the other does not, both stay bytes.
  @Test func tensorsOfOtherPixelsStayBytes() {
    let sum = { (x: BufferID, y: BufferID) -> any Kernel in
      AddKernel(
        broadcast: KernelBroadcast(outer: 1, inner: 12, outerStride: 0, innerStride: 1),
        factors: AddKernel.Factors(ratioA: 1, zeroA: 0, ratioB: 1, zeroB: 0, zeroY: 0)!, low: -8,
        high: 7, a: .buffer(x), b: .buffer(x), y: y)
    }
    var plain = program([2, 6], sum)
    #expect(plain.packableBuffers() == [BufferID(1), BufferID(2)])
    plain.buffers[2].type?.shape = [4, 3]
    #expect(!plain.packableBuffers().contains(BufferID(1)))
    #expect(!plain.packableBuffers().contains(BufferID(2)))
  }

  @Test func productsWithARowArePacked() {
    func product(_ outerStride: Int) -> MultiplyKernel {
      MultiplyKernel(
        broadcast: KernelBroadcast(outer: 4, inner: 6, outerStride: outerStride, innerStride: 1),
        zeroA: 0, zeroB: 0, scale: KernelScale(0.5, .single)!,
        output: OutputStage(Quantization(bits: 4, scales: [1]), rounding: .single),
        a: .buffer(BufferID(0)), b: .buffer(BufferID(1)), y: BufferID(2))
    }
    for buffer in 0...2 { #expect(product(0).canPack(BufferID(buffer), channels: 2)) }
    #expect(product(6).canPack(BufferID(1), channels: 2))
    #expect(!product(12).canPack(BufferID(1), channels: 2))
    #expect(!product(0).canPack(BufferID(0), channels: 3))
  }

  @Test func inputsAndOutputsStayBytes() {
    let plain = program([2, 4], copy(8))
    #expect(plain.firstCallWithoutPacking(of: [BufferID(0)]) == nil)
    #expect(!plain.packableBuffers().contains(BufferID(0)))
    #expect(!plain.packableBuffers().contains(BufferID(3)))
  }
}

extension MaxPool2DKernel {
  fileprivate init?(geometry: ImageGeometry?, input: BufferID, output: BufferID) {
    guard let geometry else { return nil }
    self.init(
      geometry: geometry,
      outputStage: OutputStage(Quantization(bits: 4, scales: [1]), rounding: .single),
      input: input, output: output)
  }
}
