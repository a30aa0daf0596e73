import Testing
import UQRuntime
import UQSupport

@Suite("Pooling and reduction against naive loops")
struct PoolTests {
  /// Geometry in which every window holds at least one tap, mostly.
  private func geometry(_ operands: inout Operands) -> uq_pool2d_params {
    var p = uq_pool2d_params()
    (p.in_h, p.in_w) = (Int32(operands.int(1...9)), Int32(operands.int(1...9)))
    p.channels = Int32(operands.int(1...9))
    (p.stride_h, p.stride_w) = (Int32(operands.int(1...3)), Int32(operands.int(1...3)))
    (p.dilation_h, p.dilation_w) = (1, Int32(operands.int(1...2)))
    if operands.int(0...4) == 0 {
      // Global.
      (p.kernel_h, p.kernel_w, p.dilation_w) = (p.in_h, p.in_w, 1)
      (p.out_h, p.out_w) = (1, 1)
    } else {
      (p.kernel_h, p.kernel_w) = (Int32(operands.int(1...4)), Int32(operands.int(1...4)))
      (p.pad_top, p.pad_left) = (Int32(operands.int(0...2)), Int32(operands.int(0...2)))
      (p.out_h, p.out_w) = (Int32(operands.int(1...6)), Int32(operands.int(1...6)))
    }
    return p
  }

  /// The inputs inside of a window.
  private func window(_ p: uq_pool2d_params, _ x: [Int8], _ y: Int, _ column: Int, _ c: Int)
    -> [Int]
  {
    var values: [Int] = []
    for ky in 0..<Int(p.kernel_h) {
      for kx in 0..<Int(p.kernel_w) {
        let iy = y * Int(p.stride_h) - Int(p.pad_top) + ky * Int(p.dilation_h)
        let ix = column * Int(p.stride_w) - Int(p.pad_left) + kx * Int(p.dilation_w)
        if iy >= 0 && iy < Int(p.in_h) && ix >= 0 && ix < Int(p.in_w) {
          values.append(Int(x[(iy * Int(p.in_w) + ix) * Int(p.channels) + c]))
        }
      }
    }
    return values
  }

  /// Runs `body` for each output row with the row's input pointers.
  private func rows(
    _ p: uq_pool2d_params, _ x: [Int8], _ body: (Int, UnsafePointer<UnsafePointer<Int8>?>) -> Void
  ) {
    x.withUnsafeBufferPointer { x in
      for y in 0..<Int(p.out_h) {
        let pointers = (0..<Int(p.kernel_h)).map { ky -> UnsafePointer<Int8>? in
          let iy = y * Int(p.stride_h) - Int(p.pad_top) + ky * Int(p.dilation_h)
          guard iy >= 0 && iy < Int(p.in_h) else { return nil }
          return x.baseAddress.map { $0 + iy * Int(p.in_w * p.channels) }
        }
        pointers.withUnsafeBufferPointer { if let base = $0.baseAddress { body(y, base) } }
      }
    }
  }

  @Test("Maximum") func maximum() {
    var operands = Operands(seed: 11)
    for _ in 0..<300 {
      var p = geometry(&operands)
      p.output = operands.output(rounding: 0)
      let x = operands.bytes(Int(p.in_h * p.in_w * p.channels))
      var expected: [Int] = []
      for y in 0..<Int(p.out_h) {
        for column in 0..<Int(p.out_w) {
          for c in 0..<Int(p.channels) {
            let largest = window(p, x, y, column, c).max() ?? Int(p.output.min)
            expected.append(min(max(largest, Int(p.output.min)), Int(p.output.max)))
          }
        }
      }
      var y = [Int8](repeating: 0, count: expected.count)
      uq_max_pool2d_s8(&p, x, &y)
      #expect(y.map(Int.init) == expected)
      let rowBytes = Int(p.out_w * p.channels)
      var line = [Int8](repeating: 0, count: rowBytes)
      rows(p, x) { index, pointers in
        withUnsafePointer(to: p) { uq_max_pool2d_row_s8($0, pointers, &line) }
        #expect(line == Array(y[index * rowBytes..<(index + 1) * rowBytes]))
      }
    }
  }

  @Test("Average, padding counted or not", arguments: roundings)
  func average(rounding: Int) {
    var operands = Operands(seed: 12 + UInt64(rounding))
    for _ in 0..<300 {
      var p = geometry(&operands)
      p.output = operands.output(rounding: rounding)
      p.in_zero_point = Int32(operands.int(-128...127))
      p.count_include_pad = Int32(operands.int(0...1))
      let x = operands.bytes(Int(p.in_h * p.in_w * p.channels))
      let taps = Int(p.kernel_h * p.kernel_w)
      let entries = p.count_include_pad == 1 ? 1 : taps
      let scales = (1...entries).map {
        operands.scale(entries == 1 ? 100 * taps : 100 * $0, rounding: rounding)
      }
      let (multipliers, shifts) = (scales.map(\.0), scales.map(\.1))
      var expected: [Int] = []
      for y in 0..<Int(p.out_h) {
        for column in 0..<Int(p.out_w) {
          for c in 0..<Int(p.channels) {
            let values = window(p, x, y, column, c)
            let sum = values.reduce(0) { $0 + $1 - Int(p.in_zero_point) }
            let entry = entries == 1 ? 0 : max(values.count - 1, 0)
            expected.append(
              Reference.output(p.output, sum, multipliers[entry], Int(shifts[entry])))
          }
        }
      }
      var y = [Int8](repeating: 0, count: expected.count)
      uq_avg_pool2d_s8(&p, x, multipliers, shifts, &y)
      #expect(y.map(Int.init) == expected)
      let rowBytes = Int(p.out_w * p.channels)
      var line = [Int8](repeating: 0, count: rowBytes)
      rows(p, x) { index, pointers in
        withUnsafePointer(to: p) {
          uq_avg_pool2d_row_s8($0, pointers, multipliers, shifts, &line)
        }
        #expect(line == Array(y[index * rowBytes..<(index + 1) * rowBytes]))
      }
    }
  }

  @Test("Reduction: sum, largest, smallest", arguments: roundings)
  func reduction(rounding: Int) {
    var operands = Operands(seed: 15 + UInt64(rounding))
    for _ in 0..<300 {
      let (outer, reduce, inner) = (
        operands.int(1...5), operands.int(1...20), operands.int(1...7)
      )
      let zero = operands.int(-128...127)
      let (multiplier, shift) = operands.scale(60 * reduce, rounding: rounding)
      var p = uq_reduce_params(
        outer: Int32(outer), reduce: Int32(reduce), inner: Int32(inner),
        in_zero_point: Int32(zero), multiplier: multiplier, shift: Int32(shift),
        output: operands.output(rounding: rounding))
      let x = operands.bytes(outer * reduce * inner)
      let lines = (0..<outer * inner).map { index in
        (0..<reduce).map { Int(x[(index / inner * reduce + $0) * inner + index % inner]) }
      }
      func clamp(_ value: Int) -> Int { min(max(value, Int(p.output.min)), Int(p.output.max)) }
      var y = [Int8](repeating: 0, count: outer * inner)
      uq_reduce_sum_s8(&p, x, &y)
      #expect(
        y.map(Int.init)
          == lines.map {
            Reference.output(
              p.output, $0.reduce(0) { $0 + $1 - zero }, multiplier, Int(shift))
          })
      uq_reduce_max_s8(&p, x, &y)
      #expect(y.map(Int.init) == lines.map { clamp($0.max() ?? 0) })
      uq_reduce_min_s8(&p, x, &y)
      #expect(y.map(Int.init) == lines.map { clamp($0.min() ?? 0) })
    }
  }
}
