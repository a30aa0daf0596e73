import Testing
import UQRuntime
import UQSupport

/// A kernel of one family at one width of weights, with weights as bytes.
private typealias Layer<Params, Output> = (
  UnsafePointer<Params>, UnsafePointer<Int8>, UnsafeRawPointer, UnsafePointer<Int32>,
  UnsafePointer<Int32>?, UnsafePointer<UInt8>, UnsafeMutablePointer<Output>,
  UnsafeMutablePointer<Int8>
) -> Void

private typealias Row<Params> = (
  UnsafePointer<Params>, UnsafePointer<UnsafePointer<Int8>?>, UnsafeRawPointer,
  UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<UInt8>, UnsafeMutablePointer<Int8>,
  UnsafeMutablePointer<Int8>
) -> Void

extension UnsafeRawPointer {
  fileprivate var s8: UnsafePointer<Int8> { assumingMemoryBound(to: Int8.self) }
  fileprivate var u8: UnsafePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}

private func convolution(_ bits: Int) -> Layer<uq_conv2d_params, Int8> {
  switch bits {
  case 8: { uq_conv2d_s8($0, $1, $2.s8, $3, $4, $5, $6, $7) }
  case 4: { uq_conv2d_s8_w4($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 3: { uq_conv2d_s8_w3($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 2: { uq_conv2d_s8_w2($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  default: { uq_conv2d_s8_w1($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  }
}

private func convolutionRow(_ bits: Int) -> Row<uq_conv2d_params> {
  switch bits {
  case 8: { uq_conv2d_row_s8($0, $1, $2.s8, $3, $4, $5, $6, $7) }
  case 4: { uq_conv2d_row_s8_w4($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 3: { uq_conv2d_row_s8_w3($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 2: { uq_conv2d_row_s8_w2($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  default: { uq_conv2d_row_s8_w1($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  }
}

private func depthwise(_ bits: Int) -> Layer<uq_depthwise_conv2d_params, Int8> {
  switch bits {
  case 8: { uq_depthwise_conv2d_s8($0, $1, $2.s8, $3, $4, $5, $6, $7) }
  case 4: { uq_depthwise_conv2d_s8_w4($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 3: { uq_depthwise_conv2d_s8_w3($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 2: { uq_depthwise_conv2d_s8_w2($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  default: { uq_depthwise_conv2d_s8_w1($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  }
}

private func depthwiseRow(_ bits: Int) -> Row<uq_depthwise_conv2d_params> {
  switch bits {
  case 8: { uq_depthwise_conv2d_row_s8($0, $1, $2.s8, $3, $4, $5, $6, $7) }
  case 4: { uq_depthwise_conv2d_row_s8_w4($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 3: { uq_depthwise_conv2d_row_s8_w3($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  case 2: { uq_depthwise_conv2d_row_s8_w2($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  default: { uq_depthwise_conv2d_row_s8_w1($0, $1, $2.u8, $3, $4, $5, $6, $7) }
  }
}

private func product(_ bits: Int) -> Layer<uq_fully_connected_params, Int8> {
  switch bits {
  case 8: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8(p, x, w.s8, b, m, s, y) }
  case 4: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_w4(p, x, w.u8, b, m, s, y) }
  case 3: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_w3(p, x, w.u8, b, m, s, y) }
  case 2: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_w2(p, x, w.u8, b, m, s, y) }
  default: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_w1(p, x, w.u8, b, m, s, y) }
  }
}

private func product16(_ bits: Int) -> Layer<uq_fully_connected_params, Int16> {
  switch bits {
  case 8: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_s16(p, x, w.s8, b, m, s, y) }
  case 4: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_s16_w4(p, x, w.u8, b, m, s, y) }
  case 3: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_s16_w3(p, x, w.u8, b, m, s, y) }
  case 2: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_s16_w2(p, x, w.u8, b, m, s, y) }
  default: { p, x, w, b, m, s, y, _ in uq_fully_connected_s8_s16_w1(p, x, w.u8, b, m, s, y) }
  }
}

/// Multipliers that shifts need no sign of.
private func positive(_ multipliers: [Int32]) -> [Int32] {
  multipliers.map { Int32(clamping: max($0.magnitude, 1)) }
}

/// A spatial axis: sizes of input, kernel, stride, dilation, padding in front, and output.
private struct Axis {
  var size, kernel, stride, dilation, pad, out: Int

  init(_ operands: inout Operands, tall: Bool = false) {
    size = operands.int(1...9)
    kernel = operands.int(1...(tall ? 6 : 4))
    stride = operands.int(1...3)
    dilation = operands.int(0...3) == 0 ? 2 : 1
    pad = operands.int(0...2)
    let after = operands.int(0...2)
    let room = size + pad + after - (kernel - 1) * dilation - 1
    out = room < 0 ? 1 : room / stride + 1
    if operands.int(0...3) == 0 { (kernel, stride, dilation, pad, out) = (1, 1, 1, 0, size) }
  }

  /// Index of the input that tap `tap` of output `at` reads; nil in the padding.
  func input(_ at: Int, _ tap: Int) -> Int? {
    let index = at * stride - pad + tap * dilation
    return index >= 0 && index < size ? index : nil
  }
}

/// Calls `body` with a buffer for each image row, some padding rows null, some a row of zero points.
private func withRows(
  _ input: [Int8], axis: Axis, at y: Int, rowBytes: Int, zero: Int, shared: Bool,
  _ body: (UnsafePointer<UnsafePointer<Int8>?>) -> Void
) {
  let padding = [Int8](repeating: Int8(zero), count: rowBytes)
  padding.withUnsafeBufferPointer { padding in
    input.withUnsafeBufferPointer { input in
      let rows = (0..<axis.kernel).map { tap -> UnsafePointer<Int8>? in
        guard let index = axis.input(y, tap) else { return shared ? padding.baseAddress : nil }
        return input.baseAddress.map { $0 + index * rowBytes }
      }
      rows.withUnsafeBufferPointer { if let base = $0.baseAddress { body(base) } }
    }
  }
}

@Suite("Kernels with weights against naive loops")
struct WeightedTests {
  @Test("Convolution: shapes, strides, dilations, borders, groups", arguments: widths, roundings)
  func convolutions(bits: Int, rounding: Int) {
    var operands = Operands(seed: UInt64(100 * bits + rounding))
    for index in 0..<40 {
      let vertical = Axis(&operands, tall: true)
      let horizontal = Axis(&operands)
      let groups = index % 4 == 0 ? operands.int(2...3) : 1
      let depth = operands.int(1...11)
      let outDepth = operands.int(1...(index % 5 == 0 ? 21 : 5))
      let (inC, outC) = (groups * depth, groups * outDepth)
      let zero = operands.int(-128...127)
      let output = operands.output(rounding: rounding)
      var p = uq_conv2d_params()
      (p.in_h, p.in_w, p.in_c) = (Int32(vertical.size), Int32(horizontal.size), Int32(inC))
      (p.out_h, p.out_w, p.out_c) = (Int32(vertical.out), Int32(horizontal.out), Int32(outC))
      (p.kernel_h, p.kernel_w) = (Int32(vertical.kernel), Int32(horizontal.kernel))
      (p.stride_h, p.stride_w) = (Int32(vertical.stride), Int32(horizontal.stride))
      (p.dilation_h, p.dilation_w) = (Int32(vertical.dilation), Int32(horizontal.dilation))
      (p.pad_top, p.pad_left) = (Int32(vertical.pad), Int32(horizontal.pad))
      (p.groups, p.in_zero_point, p.output) = (Int32(groups), Int32(zero), output)

      let rowBytes = horizontal.size * inC
      let x = operands.bytes(vertical.size * rowBytes)
      let weights = operands.weights(
        rows: outC, depth: vertical.kernel * horizontal.kernel * depth, bits: bits)
      let bytes = packed(weights, bits: bits)
      let (bias, multipliers, shifts) = operands.channels(weights, rounding: rounding)

      var expected: [Int] = []
      for y in 0..<vertical.out {
        for column in 0..<horizontal.out {
          for o in 0..<outC {
            var acc = Int(bias[o])
            var k = 0
            for ky in 0..<vertical.kernel {
              for kx in 0..<horizontal.kernel {
                for c in 0..<depth {
                  var value = zero
                  if let iy = vertical.input(y, ky), let ix = horizontal.input(column, kx) {
                    value = Int(x[iy * rowBytes + ix * inC + o / outDepth * depth + c])
                  }
                  acc += value * weights[o][k]
                  k += 1
                }
              }
            }
            expected.append(Reference.output(output, acc, multipliers[o], Int(shifts[o])))
          }
        }
      }

      var y = [Int8](repeating: 0, count: expected.count)
      let scratchBytes = Int(uq_conv2d_scratch_bytes(&p))
      var scratch = [Int8](repeating: 85, count: scratchBytes + 16)
      convolution(bits)(&p, x, bytes, bias, multipliers, shifts, &y, &scratch)
      #expect(y.map(Int.init) == expected)
      if rounding == Int(UQ_ROUNDING_SHIFT) {
        var (given, absent) = (y, y)
        convolution(bits)(&p, x, bytes, bias, positive(multipliers), shifts, &given, &scratch)
        convolution(bits)(&p, x, bytes, bias, nil, shifts, &absent, &scratch)
        #expect(absent == given)
      }
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })

      var rows: [Int8] = []
      for at in 0..<vertical.out {
        var line = [Int8](repeating: 0, count: horizontal.out * outC)
        withRows(
          x, axis: vertical, at: at, rowBytes: rowBytes, zero: zero, shared: index % 2 == 0
        ) { convolutionRow(bits)(&p, $0, bytes, bias, multipliers, shifts, &line, &scratch) }
        rows += line
      }
      #expect(rows == y)
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })
    }
  }

  @Test("Depthwise convolution: the same, with channel multipliers", arguments: widths, roundings)
  func depthwiseConvolutions(bits: Int, rounding: Int) {
    var operands = Operands(seed: UInt64(200 * bits + rounding))
    for index in 0..<40 {
      let vertical = Axis(&operands, tall: true)
      let horizontal = Axis(&operands)
      let inC = operands.int(1...(index % 5 == 0 ? 70 : 13))
      let spread = index % 4 == 0 ? operands.int(2...3) : 1
      let outC = inC * spread
      let taps = vertical.kernel * horizontal.kernel
      let zero = operands.int(-128...127)
      let output = operands.output(rounding: rounding)
      var p = uq_depthwise_conv2d_params()
      (p.in_h, p.in_w, p.in_c) = (Int32(vertical.size), Int32(horizontal.size), Int32(inC))
      (p.out_h, p.out_w) = (Int32(vertical.out), Int32(horizontal.out))
      p.channel_multiplier = Int32(spread)
      (p.kernel_h, p.kernel_w) = (Int32(vertical.kernel), Int32(horizontal.kernel))
      (p.stride_h, p.stride_w) = (Int32(vertical.stride), Int32(horizontal.stride))
      (p.dilation_h, p.dilation_w) = (Int32(vertical.dilation), Int32(horizontal.dilation))
      (p.pad_top, p.pad_left) = (Int32(vertical.pad), Int32(horizontal.pad))
      (p.in_zero_point, p.output) = (Int32(zero), output)

      let rowBytes = horizontal.size * inC
      let x = operands.bytes(vertical.size * rowBytes)
      let weights = operands.weights(rows: taps, depth: outC, bits: bits)
      let bytes = packed(weights, bits: bits)
      let perChannel = (0..<outC).map { o in weights.map { $0[o] } }
      let (bias, multipliers, shifts) = operands.channels(perChannel, rounding: rounding)

      var expected: [Int] = []
      for y in 0..<vertical.out {
        for column in 0..<horizontal.out {
          for o in 0..<outC {
            var acc = Int(bias[o])
            for tap in 0..<taps {
              let (ky, kx) = tap.quotientAndRemainder(dividingBy: horizontal.kernel)
              var value = zero
              if let iy = vertical.input(y, ky), let ix = horizontal.input(column, kx) {
                value = Int(x[iy * rowBytes + ix * inC + o / spread])
              }
              acc += value * weights[tap][o]
            }
            expected.append(Reference.output(output, acc, multipliers[o], Int(shifts[o])))
          }
        }
      }

      var y = [Int8](repeating: 0, count: expected.count)
      let scratchBytes = Int(uq_depthwise_conv2d_scratch_bytes(&p))
      var scratch = [Int8](repeating: 85, count: scratchBytes + 16)
      depthwise(bits)(&p, x, bytes, bias, multipliers, shifts, &y, &scratch)
      #expect(y.map(Int.init) == expected)
      if rounding == Int(UQ_ROUNDING_SHIFT) {
        var (given, absent) = (y, y)
        depthwise(bits)(&p, x, bytes, bias, positive(multipliers), shifts, &given, &scratch)
        depthwise(bits)(&p, x, bytes, bias, nil, shifts, &absent, &scratch)
        #expect(absent == given)
      }
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })

      var rows: [Int8] = []
      for at in 0..<vertical.out {
        var line = [Int8](repeating: 0, count: horizontal.out * outC)
        withRows(
          x, axis: vertical, at: at, rowBytes: rowBytes, zero: zero, shared: index % 2 == 0
        ) { depthwiseRow(bits)(&p, $0, bytes, bias, multipliers, shifts, &line, &scratch) }
        rows += line
      }
      #expect(rows == y)
    }
  }

  @Test("Fully connected: batches, odd sizes, int8 and int16", arguments: widths, roundings)
  func fullyConnected(bits: Int, rounding: Int) {
    var operands = Operands(seed: UInt64(300 * bits + rounding))
    for index in 0..<60 {
      let batch = operands.int(1...4)
      let depth = operands.int(1...(index % 5 == 0 ? 700 : 40))
      let outC = operands.int(1...(index % 3 == 0 ? 37 : 6))
      let x = operands.bytes(batch * depth)
      let weights = operands.weights(rows: outC, depth: depth, bits: bits)
      let bytes = packed(weights, bits: bits)
      #expect(
        bytes.count == outC * Int(uq_weights_row_bytes(Int32(depth), Int32(bits)))
          && bytes.count <= outC * ((depth * bits + 7) / 8))
      for int16 in [false, true] {
        let (bias, multipliers, shifts) = operands.channels(
          weights, rounding: rounding, to: int16 ? 20_000 : 100)
        let output = operands.output(rounding: rounding, int16: int16)
        var p = uq_fully_connected_params(
          batch: Int32(batch), in_c: Int32(depth), out_c: Int32(outC), output: output)
        var expected: [Int] = []
        for n in 0..<batch {
          for o in 0..<outC {
            var acc = Int(bias[o])
            for k in 0..<depth { acc += Int(x[n * depth + k]) * weights[o][k] }
            expected.append(Reference.output(output, acc, multipliers[o], Int(shifts[o])))
          }
        }
        var unused: [Int8] = [0]
        if int16 {
          var y = [Int16](repeating: 0, count: expected.count)
          product16(bits)(&p, x, bytes, bias, multipliers, shifts, &y, &unused)
          #expect(y.map(Int.init) == expected)
        } else {
          var y = [Int8](repeating: 0, count: expected.count)
          product(bits)(&p, x, bytes, bias, multipliers, shifts, &y, &unused)
          #expect(y.map(Int.init) == expected)
          if rounding == Int(UQ_ROUNDING_SHIFT) {
            var (given, absent) = (y, y)
            product(bits)(&p, x, bytes, bias, positive(multipliers), shifts, &given, &unused)
            product(bits)(&p, x, bytes, bias, nil, shifts, &absent, &unused)
            #expect(absent == given)
          }
        }
      }
    }
  }
}
