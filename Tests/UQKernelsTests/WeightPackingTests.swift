import Testing
import UQKernels
import UQRuntime
import UQSupport

@Suite struct WeightPackingTests {
  @Test(arguments: [8, 4, 3, 2, 1], [1, 7, 8, 9, 13, 64])
  func packedWeightsComeBack(bits: Int, rowLength: Int) {
    let values = randomWeights(3 * rowLength, bits: bits)
    let packed = WeightPacking.pack(values, rowLength: rowLength, bits: bits)
    #expect(packed.count == 3 * WeightPacking.rowBytes(rowLength, bits: bits))
    #expect(
      WeightPacking.unpack(packed, rows: 3, rowLength: rowLength, bits: bits) == values)
  }

  /// The runtime reads what the packing writes.
  @Test(arguments: [4, 3, 2, 1], [1, 8, 13])
  func runtimeReadsPackedWeights(bits: Int, rowLength: Int) {
    let values = randomWeights(2 * rowLength, bits: bits)
    let packed = WeightPacking.pack(values, rowLength: rowLength, bits: bits)
    let stride = WeightPacking.rowBytes(rowLength, bits: bits)
    #expect(stride == Int(uq_weights_row_bytes(Int32(rowLength), Int32(bits))))
    packed.withUnsafeBufferPointer { bytes in
      for row in 0..<2 {
        guard let start = bytes.baseAddress?.advanced(by: row * stride) else { continue }
        for k in 0..<rowLength {
          let read =
            switch bits {
            case 4: uq_weight_at_w4(start, Int32(k))
            case 3: uq_weight_at_w3(start, Int32(k))
            case 2: uq_weight_at_w2(start, Int32(k))
            default: uq_weight_at_w1(start, Int32(k))
            }
          #expect(read == Int32(values[row * rowLength + k]))
        }
      }
    }
  }

  @Test func layoutIsThatOfTheDocumentation() {
    #expect(WeightPacking.pack([-8, 7, 1], rowLength: 3, bits: 4) == [0x78, 0x01])
    #expect(WeightPacking.pack([-2, -1, 0, 1, -2], rowLength: 5, bits: 2) == [0x4E, 0x02])
    #expect(WeightPacking.pack([1, -1, -1, 1], rowLength: 4, bits: 1) == [0x06])
    // 100, 011, 101 from the low bits up: 1 0101 1100, the third weight in both bytes.
    #expect(WeightPacking.pack([-4, 3, -3], rowLength: 3, bits: 3) == [0x5C, 0x01])
    #expect(WeightPacking.pack([-128, 127], rowLength: 2, bits: 8) == [0x80, 0x7F])
  }

  private func randomWeights(_ count: Int, bits: Int) -> [Int8] {
    var random = SeededGenerator(seed: UInt64(bits * 1000 + count))
    if bits == 1 { return (0..<count).map { _ in Bool.random(using: &random) ? 1 : -1 } }
    let top = 1 << (bits - 1)
    return (0..<count).map { _ in Int8(Int.random(in: -top..<top, using: &random)) }
  }
}
