import Testing
import UQRuntime
import UQSupport

@Suite("Requantization against exact wide arithmetic")
struct RequantizeTests {
  @Test("200,000 random and extreme cases a rounding", arguments: roundings)
  func random(rounding: Int) {
    var operands = Operands(seed: UInt64(rounding) + 1)
    let extremes = [
      Int(Int32.min), Int(Int32.min) + 1, -1, 0, 1, Int(Int32.max) - 1, Int(Int32.max), 1 << 30,
    ]
    var mismatches = 0
    var short = 0
    for index in 0..<200_000 {
      let width = operands.int(1...31)
      var acc = operands.int(-(1 << width)...(1 << width - 1))
      if index % 7 == 0 { acc = extremes[operands.int(0...(extremes.count - 1))] }
      var multiplier = operands.int((1 << 30)...(1 << 31 - 1))
      if index % 11 == 0 { multiplier = index % 2 == 0 ? 1 << 30 : 1 << 31 - 1 }
      if index % 3 == 0 { multiplier = -multiplier }
      if index % 101 == 0 { multiplier = 0 }
      let shift =
        rounding == UQ_ROUNDING_SHIFT
        ? operands.int(0...31) : operands.int((rounding == UQ_ROUNDING_DOUBLE ? 0 : 1)...62)
      // Ties are rare by chance: make some.
      if index % 5 == 0 && shift > 30 {
        multiplier = multiplier.signum() << 30
        acc = ((acc >> (shift - 30)) << (shift - 30)) | (1 << max(shift - 31, 0))
        if acc > Int(Int32.max) || acc < Int(Int32.min) { acc = 1 }
      }
      let expected = Reference.requantize(acc, multiplier, shift, rounding)
      let got = uq_requantize(Int32(acc), Int32(multiplier), UInt32(shift), Int32(rounding))
      let any = uq_requantize_any(Int32(acc), Int32(multiplier), UInt32(shift), Int32(rounding))
      if Int(got) != expected || Int(any) != expected { mismatches += 1 }
      if shift > 32 { short += 1 }
    }
    #expect(mismatches == 0)
    #expect(rounding == UQ_ROUNDING_SHIFT || short > 50_000)
  }

  @Test("Ties go where each rounding says")
  func ties() {
    // acc · 2^30 / 2^33 = acc / 8: ±4 and ±12 are ties.
    let cases: [(Int32, Int32, Int32, Int32)] = [
      // acc, single, double, shift only (by 3)
      (4, 1, 1, 1), (-4, 0, -1, 0), (12, 2, 2, 2), (-12, -1, -2, -1),
    ]
    for (acc, single, double, shifted) in cases {
      #expect(uq_requantize(acc, 1 << 30, 33, Int32(UQ_ROUNDING_SINGLE)) == single)
      #expect(uq_requantize(acc, 1 << 30, 33, Int32(UQ_ROUNDING_DOUBLE)) == double)
      #expect(uq_requantize(acc, 1 << 30, 3, Int32(UQ_ROUNDING_SHIFT)) == shifted)
    }
  }

  @Test("The doubling multiply saturates as TFLite's does")
  func saturation() {
    #expect(uq_requantize(.min, .min, 62, Int32(UQ_ROUNDING_DOUBLE)) == 1)
    #expect(uq_requantize(.min, .min, 31, Int32(UQ_ROUNDING_DOUBLE)) == 1 << 30)
    #expect(uq_requantize(.max, 1 << 30, 0, Int32(UQ_ROUNDING_DOUBLE)) == 1 << 30)
  }

  @Test("A block of channels is its channels", arguments: roundings)
  func block(rounding: Int) {
    var operands = Operands(seed: 77)
    for _ in 0..<500 {
      let count = operands.int(1...40)
      let output = operands.output(rounding: rounding)
      let acc = (0..<count).map { _ in Int32(operands.int(-(1 << 31)...(1 << 31 - 1))) }
      let scales = acc.map { operands.scale(Int($0.magnitude), rounding: rounding) }
      var y = [Int8](repeating: 0, count: count)
      withUnsafePointer(to: output) {
        uq_requantize_block_s8(
          $0, acc, scales.map(\.0), scales.map(\.1), Int32(count), &y)
      }
      let expected = (0..<count).map {
        Reference.output(output, Int(acc[$0]), scales[$0].0, Int(scales[$0].1))
      }
      #expect(y.map(Int.init) == expected)
    }
  }
}
