import Testing
import UQRuntime

/// The kernel that counts bits against sums of products of signs.
@Suite struct BinaryTests {
  private struct Axis {
    var size, kernel, stride, dilation, pad, out: Int

    init(_ operands: inout Operands) {
      size = operands.int(1...8)
      kernel = operands.int(1...5)
      stride = operands.int(1...3)
      dilation = operands.int(0...3) == 0 ? 2 : 1
      pad = operands.int(0...4)
      let room = size + pad + operands.int(0...4) - (kernel - 1) * dilation - 1
      out = room < 0 ? 1 : room / stride + 1
    }

    func input(_ at: Int, _ tap: Int) -> Int? {
      let index = at * stride - pad + tap * dilation
      return index >= 0 && index < size ? index : nil
    }
  }

  @Test(arguments: [-1, 0, 1], roundings)
  func sumsOfSignsAreExact(padSign: Int, rounding: Int) {
    var operands = Operands(seed: UInt64(padSign + 2) * 10 + UInt64(rounding))
    for index in 0..<60 {
      let vertical = Axis(&operands)
      let horizontal = Axis(&operands)
      let inC = index % 6 == 0 ? operands.int(100...1100) : operands.int(1...70)
      let outC = operands.int(1...5)
      let taps = vertical.kernel * horizontal.kernel
      let output = operands.output(rounding: rounding)
      var p = uq_binary_conv2d_params()
      (p.in_h, p.in_w, p.in_c) = (Int32(vertical.size), Int32(horizontal.size), Int32(inC))
      (p.out_h, p.out_w, p.out_c) = (Int32(vertical.out), Int32(horizontal.out), Int32(outC))
      (p.kernel_h, p.kernel_w) = (Int32(vertical.kernel), Int32(horizontal.kernel))
      (p.stride_h, p.stride_w) = (Int32(vertical.stride), Int32(horizontal.stride))
      (p.dilation_h, p.dilation_w) = (Int32(vertical.dilation), Int32(horizontal.dilation))
      (p.pad_top, p.pad_left) = (Int32(vertical.pad), Int32(horizontal.pad))
      (p.pad_sign, p.output) = (Int32(padSign), output)
      (p.threshold, p.fraction_bits) = (Int32(operands.int(-128...128)), Int32(operands.int(0...6)))
      let hasList = index % 2 == 0
      let thresholds = (0..<inC).map { _ in
        hasList ? Int16(operands.int(-128...128)) : Int16(p.threshold)
      }
      let x = operands.bytes(vertical.size * horizontal.size * inC)
      let weights = operands.weights(rows: outC * taps, depth: inC, bits: 1)
      let bytes = packed(weights, bits: 1)
      let unit = 1 << Int(p.fraction_bits)
      let bias = (0..<outC).map { _ in Int32(operands.int(-5000...5000)) }
      let scales = (0..<outC).map { _ in
        operands.scale(unit * taps * inC / 4 + 1, rounding: rounding)
      }

      var expected: [Int] = []
      for row in 0..<vertical.out {
        for column in 0..<horizontal.out {
          for o in 0..<outC {
            var acc = 0
            for tap in 0..<taps {
              let (ky, kx) = tap.quotientAndRemainder(dividingBy: horizontal.kernel)
              for c in 0..<inC {
                var sign = padSign
                if let iy = vertical.input(row, ky), let ix = horizontal.input(column, kx) {
                  sign = x[(iy * horizontal.size + ix) * inC + c] >= thresholds[c] ? 1 : -1
                }
                acc += weights[o * taps + tap][c] * sign
              }
            }
            expected.append(
              Reference.output(
                output, Int(bias[o]) + unit * acc, scales[o].0, Int(scales[o].1)))
          }
        }
      }
      var y = [Int8](repeating: 0, count: expected.count)
      let scratchBytes = Int(uq_binary_conv2d_scratch_bytes(&p))
      var scratch = [UInt8](repeating: 85, count: scratchBytes + 16)
      thresholds.withUnsafeBufferPointer { list in
        uq_binary_conv2d_s8(
          &p, x, hasList ? list.baseAddress : nil, bytes, bias, scales.map(\.0), scales.map(\.1),
          &y, &scratch)
      }
      #expect(y.map(Int.init) == expected)
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })
    }
  }
}
