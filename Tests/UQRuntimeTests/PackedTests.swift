import Testing
import UQRuntime
import UQSupport

/// Pixels of 4-bit integers as uq_nibbles.h says, from the text of that header; bytes as they are.
private func stored(_ values: [Int8], channels: Int, bits: Int) -> [UInt8] {
  if bits == 8 { return values.map { UInt8(bitPattern: $0) } }
  let stride = (channels + 1) / 2
  var bytes = [UInt8](repeating: 0, count: values.count / channels * stride)
  for (index, value) in values.enumerated() {
    let (pixel, channel) = index.quotientAndRemainder(dividingBy: channels)
    bytes[pixel * stride + channel / 2] |=
      (UInt8(bitPattern: value) & 15) << UInt8(channel % 2 * 4)
  }
  return bytes
}

/// The widths of input and output that kernels are tried with.
private let edges = [(4, 4), (4, 8), (8, 4), (8, 8)]

/// Bytes behind a buffer that nothing may change.
private let guardBytes = 16

extension Operands {
  /// Integers of `bits` bits.
  fileprivate mutating func levels(_ count: Int, bits: Int) -> [Int8] {
    (0..<count).map { _ in Int8(bits == 4 ? int(-8...7) : int(-128...127)) }
  }

  /// An output stage of `bits` bits.
  fileprivate mutating func stage(_ rounding: Int, bits: Int) -> uq_output {
    guard bits == 4 else { return output(rounding: rounding, int16: bits == 16) }
    let low = int(0...2) == 0 ? int(-8...0) : -8
    return uq_output(
      zero_point: Int32(int(-8...7)), min: Int32(low), max: Int32(int(0...7)),
      rounding: Int32(rounding))
  }
}

/// What a kernel wrote to a buffer of `count` bytes; records what lies behind it and was changed.
private func written(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xA5, count: count + guardBytes)
  bytes.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
  #expect(bytes[count...].allSatisfy { $0 == 0xA5 })
  return Array(bytes[..<count])
}

/// Random operands of a kernel of two, each of 4 or 8 bits, the second one dense, a row or a number.
private struct Pair {
  /// Bits of the operands and the result.
  let bits: [Int]
  let broadcast: uq_broadcast
  private let channels: Int
  private let a: [Int8]
  private let b: [Int8]

  init(_ index: Int, _ operands: inout Operands) {
    bits = (0..<3).map { index >> $0 & 1 == 0 ? 4 : 8 }
    let pixels = operands.int(1...6)
    channels = operands.int(1...9)
    let isRow = index % 3 == 0
    let isNumber = isRow && bits[1] == 8 && index % 2 == 0
    broadcast = uq_broadcast(
      outer: Int32(pixels), inner: Int32(channels), b_outer_stride: Int32(isRow ? 0 : channels),
      b_inner_stride: isNumber ? 0 : 1)
    a = operands.levels(pixels * channels, bits: bits[0])
    b = operands.levels(isRow ? channels : pixels * channels, bits: bits[1])
  }

  /// Compares a kernel of packed tensors with that of bytes, and in the first operand's place where it fits.
  func check(
    _ bytes: ([Int8], [Int8], UnsafeMutablePointer<Int8>) -> Void,
    packed: (UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
  ) {
    var expected = [Int8](repeating: 0, count: a.count)
    bytes(a, b, &expected)
    let wanted = stored(expected, channels: channels, bits: bits[2])
    var left = stored(a, channels: channels, bits: bits[0])
    let right = stored(b, channels: channels, bits: bits[1])
    #expect(written(wanted.count) { packed(left, right, $0) } == wanted)
    guard bits[0] == bits[2] else { return }
    left.withUnsafeMutableBytes {
      if let base = $0.baseAddress { packed(base, right, base) }
    }
    #expect(left == wanted)
  }
}

@Suite("Kernels of 4-bit activations against those of bytes")
struct PackedTests {
  @Test("Packing and unpacking", arguments: 1...9) func packing(channels: Int) {
    var operands = Operands(seed: UInt64(channels))
    for pixels in [1, 2, 3, 7] {
      let values = operands.levels(pixels * channels, bits: 4)
      let bytes = stored(values, channels: channels, bits: 4)
      #expect(
        bytes.count == pixels * Int(uq_pixel_bytes(Int32(channels), 4)))
      let packed = written(bytes.count) {
        uq_pack_s4(values, Int32(pixels), Int32(channels), $0)
      }
      #expect(packed == bytes)
      let unpacked = written(values.count) { to in
        to.withMemoryRebound(to: Int8.self, capacity: values.count) {
          uq_unpack_s4(bytes, Int32(pixels), Int32(channels), $0)
        }
      }
      #expect(unpacked.map { Int8(bitPattern: $0) } == values)
    }
  }

  /// An axis of random size, window, padding and output.
  private func axis(_ operands: inout Operands) -> (Int32, Int32, Int32, Int32, Int32, Int32) {
    let size = operands.int(1...9)
    if operands.int(0...3) == 0 { return (Int32(size), 1, 1, 1, 0, Int32(size)) }
    let kernel = operands.int(1...4)
    let stride = operands.int(1...3)
    let dilation = operands.int(1...2)
    let pad = operands.int(0...3)
    let room = size + pad + operands.int(0...3) - (kernel - 1) * dilation - 1
    let out = max(0, room) / stride + 1
    return (Int32(size), Int32(kernel), Int32(stride), Int32(dilation), Int32(pad), Int32(out))
  }

  @Test("Convolution: borders, groups, odd channels", arguments: widths, edges.indices)
  func convolutions(bits: Int, edge: Int) {
    let (inBits, outBits) = edges[edge]
    var operands = Operands(seed: UInt64(100 * bits + edge))
    for index in 0..<60 {
      var p = uq_conv2d_params()
      (p.in_h, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top, p.out_h) = axis(&operands)
      (p.in_w, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left, p.out_w) = axis(&operands)
      p.groups = Int32(index % 4 == 0 ? operands.int(2...3) : 1)
      p.in_c = p.groups * Int32(operands.int(1...9))
      p.out_c = p.groups * Int32(operands.int(1...7))
      p.in_zero_point = Int32(inBits == 4 ? operands.int(-8...7) : operands.int(-128...127))
      let rounding = roundings[index % roundings.count]
      p.output = operands.stage(rounding, bits: outBits)
      let depth = Int(p.kernel_h * p.kernel_w * p.in_c / p.groups)
      let weights = operands.weights(rows: Int(p.out_c), depth: depth, bits: bits)
      let bytes = packed(weights, bits: bits)
      let (bias, multipliers, shifts) = operands.channels(
        weights, rounding: rounding, to: outBits == 4 ? 8 : 100)
      let x = operands.levels(Int(p.in_h * p.in_w * p.in_c), bits: inBits)
      let function: uq_conv2d_packed_function? =
        switch bits {
        case 4: uq_conv2d_s8_w4
        case 3: uq_conv2d_s8_w3
        case 2: uq_conv2d_s8_w2
        case 1: uq_conv2d_s8_w1
        default: nil
        }
      let plain: uq_conv2d_function? = if bits == 8 { uq_conv2d_s8 } else { nil }
      let count = Int(p.out_h * p.out_w * p.out_c)
      var expected = [Int8](repeating: 0, count: count)
      var own = [Int8](repeating: 0, count: Int(uq_conv2d_scratch_bytes(&p)) + 1)
      if let function {
        function(&p, x, bytes, bias, multipliers, shifts, &expected, &own)
      } else {
        uq_conv2d_s8(
          &p, x, bytes.map { Int8(bitPattern: $0) }, bias, multipliers, shifts, &expected, &own)
      }
      var tiling = uq_tiling(
        in_bits: Int32(inBits), out_bits: Int32(outBits), pixels: Int32(operands.int(1...5)))
      let input = stored(x, channels: Int(p.in_c), bits: inBits)
      let wanted = stored(expected, channels: Int(p.out_c), bits: outBits)
      let scratchBytes = Int(uq_conv2d_s4_scratch_bytes(&p, &tiling))
      var scratch = [Int8](repeating: 85, count: scratchBytes + guardBytes)
      let y = written(wanted.count) {
        uq_conv2d_s4(
          &p, &tiling, plain, function, input, bytes, bias, multipliers, shifts, $0, &scratch)
      }
      #expect(y == wanted)
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })
    }
  }

  @Test(
    "Depthwise convolution: borders, multipliers, odd channels", arguments: widths, edges.indices)
  func depthwise(bits: Int, edge: Int) {
    let (inBits, outBits) = edges[edge]
    var operands = Operands(seed: UInt64(1000 * bits + edge))
    for index in 0..<60 {
      var p = uq_depthwise_conv2d_params()
      (p.in_h, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top, p.out_h) = axis(&operands)
      (p.in_w, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left, p.out_w) = axis(&operands)
      p.in_c = Int32(operands.int(1...9))
      p.channel_multiplier = Int32(index % 4 == 0 ? operands.int(2...3) : 1)
      let channels = Int(p.in_c * p.channel_multiplier)
      p.in_zero_point = Int32(inBits == 4 ? operands.int(-8...7) : operands.int(-128...127))
      let rounding = roundings[index % roundings.count]
      p.output = operands.stage(rounding, bits: outBits)
      let taps = Int(p.kernel_h * p.kernel_w)
      let weights = operands.weights(rows: channels, depth: taps, bits: bits)
      let bytes = packed((0..<taps).map { tap in weights.map { $0[tap] } }, bits: bits)
      let (bias, multipliers, shifts) = operands.channels(
        weights, rounding: rounding, to: outBits == 4 ? 8 : 100)
      let x = operands.levels(Int(p.in_h * p.in_w * p.in_c), bits: inBits)
      let function: uq_depthwise_conv2d_packed_function? =
        switch bits {
        case 4: uq_depthwise_conv2d_s8_w4
        case 3: uq_depthwise_conv2d_s8_w3
        case 2: uq_depthwise_conv2d_s8_w2
        case 1: uq_depthwise_conv2d_s8_w1
        default: nil
        }
      let plain: uq_depthwise_conv2d_function? =
        if bits == 8 { uq_depthwise_conv2d_s8 } else { nil }
      var expected = [Int8](repeating: 0, count: Int(p.out_h * p.out_w) * channels)
      var own = [Int8](repeating: 0, count: Int(p.in_c))
      if let function {
        function(&p, x, bytes, bias, multipliers, shifts, &expected, &own)
      } else {
        uq_depthwise_conv2d_s8(
          &p, x, bytes.map { Int8(bitPattern: $0) }, bias, multipliers, shifts, &expected, &own)
      }
      var tiling = uq_tiling(
        in_bits: Int32(inBits), out_bits: Int32(outBits), pixels: Int32(operands.int(1...5)))
      let input = stored(x, channels: Int(p.in_c), bits: inBits)
      let wanted = stored(expected, channels: channels, bits: outBits)
      let scratchBytes = Int(uq_depthwise_conv2d_s4_scratch_bytes(&p, &tiling))
      var scratch = [Int8](repeating: 85, count: scratchBytes + guardBytes)
      let y = written(wanted.count) {
        uq_depthwise_conv2d_s4(
          &p, &tiling, plain, function, input, bytes, bias, multipliers, shifts, $0, &scratch)
      }
      #expect(y == wanted)
      #expect(scratch[scratchBytes...].allSatisfy { $0 == 85 })
    }
  }

  @Test(
    "Fully connected: long and odd rows, results of 4, 8 and 16 bits", arguments: widths,
    [4, 8, 16])
  func products(bits: Int, outBits: Int) {
    var operands = Operands(seed: UInt64(10 * bits + outBits))
    for index in 0..<60 {
      let inBits = index % 2 == 0 ? 4 : 8
      let rounding = roundings[index % (outBits == 16 ? 2 : roundings.count)]
      let (batch, depth, channels) = (
        operands.int(1...3), operands.int(1...(index % 5 == 0 ? 150 : 20)), operands.int(1...37)
      )
      let stage = operands.stage(rounding, bits: outBits)
      let weights = operands.weights(rows: channels, depth: depth, bits: bits)
      let bytes = packed(weights, bits: bits)
      let (bias, multipliers, shifts) = operands.channels(
        weights, rounding: rounding, to: outBits == 4 ? 8 : 100)
      let x = operands.levels(batch * depth, bits: inBits)
      var expected: [Int] = []
      for n in 0..<batch {
        for o in 0..<channels {
          let acc = (0..<depth).reduce(Int(bias[o])) {
            $0 + Int(x[n * depth + $1]) * weights[o][$1]
          }
          expected.append(Reference.output(stage, acc, multipliers[o], Int(shifts[o])))
        }
      }
      let wanted =
        outBits == 16
        ? expected.flatMap { value in
          withUnsafeBytes(of: Int16(truncatingIfNeeded: value).littleEndian) { Array($0) }
        }
        : stored(
          expected.map { Int8(truncatingIfNeeded: $0) }, channels: channels, bits: outBits)
      var p = uq_fully_connected_s4_params(
        batch: Int32(batch), in_c: Int32(depth), out_c: Int32(channels), weight_bits: Int32(bits),
        in_bits: Int32(inBits), out_bits: Int32(outBits), output: stage)
      let input = stored(x, channels: depth, bits: inBits)
      let y = written(wanted.count) {
        uq_fully_connected_s4(&p, input, bytes, bias, multipliers, shifts, $0)
      }
      #expect(y == wanted)
    }
  }

  @Test("Pools", arguments: edges.indices) func pools(edge: Int) {
    let (inBits, outBits) = edges[edge]
    var operands = Operands(seed: UInt64(edge))
    for index in 0..<150 {
      var p = uq_pool2d_params()
      (p.in_h, p.kernel_h, p.stride_h, p.dilation_h, p.pad_top, p.out_h) = axis(&operands)
      (p.in_w, p.kernel_w, p.stride_w, p.dilation_w, p.pad_left, p.out_w) = axis(&operands)
      p.channels = Int32(operands.int(1...9))
      p.in_zero_point = Int32(inBits == 4 ? operands.int(-8...7) : operands.int(-128...127))
      p.count_include_pad = Int32(index % 2)
      p.output = operands.stage(Int(UQ_ROUNDING_SINGLE), bits: outBits)
      let taps = Int(p.kernel_h * p.kernel_w)
      let multipliers = (0..<taps).map { _ in Int32(operands.int(1 << 30...1 << 31 - 1)) }
      let shifts = (0..<taps).map { _ in UInt8(operands.int(31...38)) }
      let x = operands.levels(Int(p.in_h * p.in_w * p.channels), bits: inBits)
      let input = stored(x, channels: Int(p.channels), bits: inBits)
      let count = Int(p.out_h * p.out_w * p.channels)
      var (largest, mean) = ([Int8](repeating: 0, count: count), [Int8](repeating: 0, count: count))
      uq_max_pool2d_s8(&p, x, &largest)
      uq_avg_pool2d_s8(&p, x, multipliers, shifts, &mean)
      let wanted = [largest, mean].map { stored($0, channels: Int(p.channels), bits: outBits) }
      let maxima = written(wanted[0].count) {
        uq_max_pool2d_s4(&p, Int32(inBits), Int32(outBits), input, $0)
      }
      #expect(maxima == wanted[0])
      let means = written(wanted[1].count) {
        uq_avg_pool2d_s4(&p, Int32(inBits), Int32(outBits), input, multipliers, shifts, $0)
      }
      #expect(means == wanted[1])
      var wide = [Int16](repeating: 0, count: count)
      uq_avg_pool2d_s8_s16(&p, x, multipliers, shifts, &wide)
      let wideMeans = written(2 * count) {
        uq_avg_pool2d_s4(&p, Int32(inBits), 16, input, multipliers, shifts, $0)
      }
      #expect(
        wideMeans == wide.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
      )
    }
  }

  @Test("Sums of operands of any bits, in place and spread") func sums() {
    var operands = Operands(seed: 5)
    for index in 0..<200 {
      let pair = Pair(index, &operands)
      var p = uq_add_params()
      p.broadcast = pair.broadcast
      (p.multiplier_a, p.multiplier_b) = (
        Int32(operands.int(-4000...4000)), Int32(operands.int(-4000...4000))
      )
      (p.offset, p.shift) = (Int32(operands.int(-100_000...100_000)), Int32(operands.int(1...14)))
      let stage = operands.stage(0, bits: pair.bits[2])
      (p.min, p.max) = (stage.min, stage.max)
      pair.check {
        uq_add_s8(&p, $0, $1, $2)
      } packed: { a, b, y in
        uq_add_s4(&p, Int32(pair.bits[0]), Int32(pair.bits[1]), Int32(pair.bits[2]), a, b, y)
      }
    }
  }

  @Test("Products of operands of any bits, in place and spread") func products() {
    var operands = Operands(seed: 6)
    for index in 0..<200 {
      let pair = Pair(index, &operands)
      var p = uq_mul_params()
      p.broadcast = pair.broadcast
      (p.zero_a, p.zero_b) = (Int32(operands.int(-8...7)), Int32(operands.int(-8...7)))
      (p.multiplier, p.shift) = (
        Int32(operands.int(1 << 20...1 << 30)), Int32(operands.int(30...40))
      )
      p.output = operands.stage(index % 2, bits: pair.bits[2])
      pair.check {
        uq_mul_s8(&p, $0, $1, $2)
      } packed: { a, b, y in
        uq_mul_s4(&p, Int32(pair.bits[0]), Int32(pair.bits[1]), Int32(pair.bits[2]), a, b, y)
      }
    }
  }

  @Test("Tables of all entries and of sixteen, in place too", arguments: edges)
  func tables(_ inBits: Int, _ outBits: Int) {
    var operands = Operands(seed: UInt64(10 * inBits + outBits))
    for _ in 0..<40 {
      let (pixels, channels) = (operands.int(1...6), operands.int(1...9))
      let table = operands.levels(256, bits: outBits)
      let x = operands.levels(pixels * channels, bits: inBits)
      var expected = [Int8](repeating: 0, count: x.count)
      uq_lut_s8(x, table, Int32(x.count), &expected)
      let wanted = stored(expected, channels: channels, bits: outBits)
      let input = stored(x, channels: channels, bits: inBits)
      let used = inBits == 4 ? Array(table[120..<136]) : table
      let y = written(wanted.count) {
        uq_lut_s4(
          Int32(pixels), Int32(channels), Int32(inBits), Int32(outBits), input, used, $0)
      }
      #expect(y == wanted)
      guard inBits == outBits else { continue }
      var place = input
      place.withUnsafeMutableBytes {
        uq_lut_s4(
          Int32(pixels), Int32(channels), Int32(inBits), Int32(outBits), $0.baseAddress, used,
          $0.baseAddress)
      }
      #expect(place == wanted)
    }
  }
}
