import Foundation
import Testing
import UQRuntime
import UQSupport

@Suite("Elementwise kernels against naive loops")
struct PointwiseTests {
  /// A broadcast, and for each element of the result the element of b.
  private func broadcast(_ operands: inout Operands) -> (uq_broadcast, count: Int, b: [Int]) {
    let (outer, inner) = (operands.int(1...6), operands.int(1...9))
    let (o, i) = [(inner, 1), (0, 1), (1, 0), (0, 0)][operands.int(0...3)]
    let indices = (0..<outer * inner).map { $0 / inner * o + $0 % inner * i }
    return (
      uq_broadcast(
        outer: Int32(outer), inner: Int32(inner), b_outer_stride: Int32(o),
        b_inner_stride: Int32(i)),
      outer * inner, indices
    )
  }

  @Test("Sum and difference, within half a step of the real one") func addition() {
    var operands = Operands(seed: 21)
    for _ in 0..<500 {
      let (form, count, indices) = broadcast(&operands)
      let (zeroA, zeroB, zeroY) = (
        operands.int(-128...127), operands.int(-128...127), operands.int(-128...127)
      )
      let ratioA = exp(Double(operands.int(-400...150)) / 100)
      let sign = operands.int(0...1) == 0 ? 1.0 : -1.0
      let ratioB = sign * exp(Double(operands.int(-400...150)) / 100)
      var p = uq_add_params()
      p.broadcast = form
      // The largest shift that the header's condition allows.
      for shift in (1...30).reversed() {
        let a = Int((ratioA * Double(1 << shift)).rounded())
        let b = Int((ratioB * Double(1 << shift)).rounded())
        let offset = zeroY << shift + 1 << (shift - 1) - zeroA * a - zeroB * b
        if 128 * abs(a) + 128 * abs(b) + abs(offset) < 1 << 31 {
          (p.multiplier_a, p.multiplier_b) = (Int32(a), Int32(b))
          (p.offset, p.shift) = (Int32(offset), Int32(shift))
          break
        }
      }
      #expect(p.shift > 15)
      (p.min, p.max) = (Int32(operands.int(-128...0)), Int32(operands.int(0...127)))
      let a = operands.bytes(count)
      let b = operands.bytes((indices.max() ?? 0) + 1)
      var y = [Int8](repeating: 0, count: count)
      uq_add_s8(&p, a, b, &y)
      for (index, got) in y.enumerated() {
        let (u, v) = (Int(a[index]), Int(b[indices[index]]))
        let wide =
          (u * Int(p.multiplier_a) + v * Int(p.multiplier_b) + Int(p.offset)) >> Int(p.shift)
        #expect(Int(got) == min(max(wide, Int(p.min)), Int(p.max)))
        let real = Double(zeroY) + ratioA * Double(u - zeroA) + ratioB * Double(v - zeroB)
        #expect(abs(Double(wide) - real) <= 0.51)
      }
      var inPlace = a
      inPlace.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        uq_add_s8(&p, base, b, base)
      }
      #expect(inPlace == y)
    }
  }

  @Test("Product", arguments: roundings) func product(rounding: Int) {
    var operands = Operands(seed: 22 + UInt64(rounding))
    for _ in 0..<500 {
      let (form, count, indices) = broadcast(&operands)
      let (multiplier, shift) = operands.scale(8000, rounding: rounding)
      var p = uq_mul_params(
        broadcast: form, zero_a: Int32(operands.int(-128...127)),
        zero_b: Int32(operands.int(-128...127)), multiplier: multiplier, shift: Int32(shift),
        output: operands.output(rounding: rounding))
      let a = operands.bytes(count)
      let b = operands.bytes((indices.max() ?? 0) + 1)
      var y = [Int8](repeating: 0, count: count)
      uq_mul_s8(&p, a, b, &y)
      let expected = (0..<count).map {
        Reference.output(
          p.output, (Int(a[$0]) - Int(p.zero_a)) * (Int(b[indices[$0]]) - Int(p.zero_b)),
          multiplier, Int(shift))
      }
      #expect(y.map(Int.init) == expected)
    }
  }

  @Test("Smaller and larger") func extrema() {
    var operands = Operands(seed: 26)
    for _ in 0..<300 {
      let (form, count, indices) = broadcast(&operands)
      var p = uq_extremum_params(
        broadcast: form, min: Int32(operands.int(-128...0)), max: Int32(operands.int(0...127)))
      let a = operands.bytes(count)
      let b = operands.bytes((indices.max() ?? 0) + 1)
      var y = [Int8](repeating: 0, count: count)
      func clamp(_ value: Int8) -> Int { min(max(Int(value), Int(p.min)), Int(p.max)) }
      uq_min_s8(&p, a, b, &y)
      #expect(y.map(Int.init) == (0..<count).map { clamp(min(a[$0], b[indices[$0]])) })
      uq_max_s8(&p, a, b, &y)
      #expect(y.map(Int.init) == (0..<count).map { clamp(max(a[$0], b[indices[$0]])) })
    }
  }

  @Test("Table, also in place") func table() {
    var operands = Operands(seed: 27)
    let table = operands.bytes(256)
    var x = (-128...127).map { Int8($0) }
    var y = [Int8](repeating: 0, count: 256)
    uq_lut_s8(x, table, 256, &y)
    #expect(y == table)
    x.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      uq_lut_s8(base, table, 256, base)
    }
    #expect(x == table)
  }

  @Test("Rescaling between int8 and int16, PReLU", arguments: roundings)
  func rescaling(rounding: Int) {
    var operands = Operands(seed: 28 + UInt64(rounding))
    for _ in 0..<300 {
      let count = operands.int(1...50)
      let x8 = operands.bytes(count)
      let x16 = (0..<count).map { _ in Int16(operands.int(-32768...32767)) }
      let zero = operands.int(-128...127)
      func params(_ magnitude: Int, _ size: Int) -> uq_rescale_params {
        let (multiplier, shift) = operands.scale(magnitude, rounding: rounding, to: size)
        return uq_rescale_params(
          count: Int32(count), in_zero_point: Int32(zero), multiplier: multiplier,
          shift: Int32(shift), output: operands.output(rounding: rounding, int16: size > 127))
      }
      func expected(_ p: uq_rescale_params, _ x: [Int]) -> [Int] {
        x.map { Reference.output(p.output, $0 - zero, p.multiplier, Int(p.shift)) }
      }
      var y8 = [Int8](repeating: 0, count: count)
      var y16 = [Int16](repeating: 0, count: count)
      var p = params(100, 100)
      uq_rescale_s8(&p, x8, &y8)
      #expect(y8.map(Int.init) == expected(p, x8.map(Int.init)))
      p = params(20_000, 100)
      uq_rescale_s16_s8(&p, x16, &y8)
      #expect(y8.map(Int.init) == expected(p, x16.map(Int.init)))
      p = params(100, 20_000)
      uq_rescale_s8_s16(&p, x8, &y16)
      #expect(y16.map(Int.init) == expected(p, x8.map(Int.init)))

      let scales = (0..<count).map { _ in operands.scale(100, rounding: rounding) }
      let (multiplier, shift) = operands.scale(100, rounding: rounding)
      var slopes = uq_prelu_params(
        pixels: 3, channels: Int32(count), in_zero_point: Int32(zero), multiplier: multiplier,
        shift: Int32(shift), output: operands.output(rounding: rounding))
      let x = operands.bytes(3 * count)
      var y = [Int8](repeating: 0, count: 3 * count)
      uq_prelu_s8(&slopes, x, scales.map(\.0), scales.map(\.1), &y)
      #expect(
        y.map(Int.init)
          == x.enumerated().map { index, value in
            let scale =
              Int(value) >= zero ? (multiplier, shift) : scales[index % count]
            return Reference.output(slopes.output, Int(value) - zero, scale.0, Int(scale.1))
          })
    }
  }
}

@Suite("Softmax against the real one")
struct SoftmaxTests {
  /// The parameters for a scale, as the header says.
  private func params(rows: Int, depth: Int, scale: Double) -> uq_softmax_params {
    var factor = scale * M_LOG2E * Double(1 << 26)
    guard factor < 0x1p31 else {
      return uq_softmax_params(
        rows: Int32(rows), depth: Int32(depth), multiplier: .max, shift: 0)
    }
    var shift = 0
    while factor < 0x1p30 && shift < 62 {
      factor *= 2
      shift += 1
    }
    return uq_softmax_params(
      rows: Int32(rows), depth: Int32(depth),
      multiplier: Int32(min(factor.rounded(), 0x1p31 - 1)), shift: Int32(shift))
  }

  private func exact(_ x: ArraySlice<Int>, scale: Double) -> [Double] {
    let largest = x.max() ?? 0
    let e = x.map { exp(Double($0 - largest) * scale) }
    let sum = e.reduce(0, +)
    return e.map { min($0 / sum * 256 - 128, 127) }
  }

  @Test("Within 0.52 of a step, in rows, in place") func accuracy() {
    var operands = Operands(seed: 31)
    var worst = 0.0
    for index in 0..<400 {
      let rows = operands.int(1...3)
      let depth = index % 20 == 0 ? operands.int(500...3000) : operands.int(1...40)
      let scale = exp(Double(operands.int(-900...350)) / 100)
      var p = params(rows: rows, depth: depth, scale: scale)
      let x = operands.bytes(rows * depth)
      var y = [Int8](repeating: 0, count: x.count)
      uq_softmax_s8(&p, x, &y)
      for row in 0..<rows {
        let range = row * depth..<(row + 1) * depth
        for (got, real) in zip(y[range], exact(x.map(Int.init)[range], scale: scale)) {
          worst = max(worst, abs(Double(got) - real))
        }
      }
      var inPlace = x
      inPlace.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        uq_softmax_s8(&p, base, base)
      }
      #expect(inPlace == y)

      let x16 = (0..<rows * depth).map { _ in Int16(operands.int(-32768...32767)) }
      p = params(rows: rows, depth: depth, scale: scale / 256)
      uq_softmax_s16_s8(&p, x16, &y)
      for row in 0..<rows {
        let range = row * depth..<(row + 1) * depth
        for (got, real) in zip(y[range], exact(x16.map(Int.init)[range], scale: scale / 256)) {
          worst = max(worst, abs(Double(got) - real))
        }
      }
    }
    #expect(worst < 0.52)
    #expect(worst > 0.45)
  }
}
