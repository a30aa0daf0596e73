import Testing
import UQRuntime

/// The inner kernel for scales of groups against naive loops.
@Suite struct GroupwiseTests {
  private typealias Product = (
    UnsafePointer<uq_matmul_groupwise_params>, UnsafePointer<Int8>, UnsafePointer<Int8>?,
    UnsafePointer<UInt8>, UnsafePointer<Int8>, UnsafePointer<Int32>, UnsafePointer<Int32>,
    UnsafePointer<UInt8>, UnsafeMutablePointer<Int8>, UnsafeMutablePointer<Int8>?
  ) -> Void

  private static func product(_ bits: Int) -> Product {
    switch bits {
    case 4: { uq_matmul_groupwise_s8_w4($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) }
    case 3: { uq_matmul_groupwise_s8_w3($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) }
    default: { uq_matmul_groupwise_s8_w2($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) }
    }
  }

  @Test(arguments: [4, 3, 2], roundings)
  func productsAreTheNaiveSums(bits: Int, rounding: Int) {
    var operands = Operands(seed: UInt64(bits * 10 + rounding))
    for _ in 0..<60 {
      let (taps, depth) = (operands.int(1...5), operands.int(1...40))
      let (groupSize, rows) = (operands.int(1...20), operands.int(1...7))
      let groups = (depth + groupSize - 1) / groupSize
      let weights = operands.weights(rows: rows, depth: taps * depth, bits: bits)
      let factors = (0..<rows * groups).map { _ in Int8(operands.int(-127...127)) }
      let scaled = weights.enumerated().map { row, line in
        line.enumerated().map { k, weight in
          weight * Int(factors[row * groups + k % depth / groupSize])
        }
      }
      let (bias, multipliers, shifts) = operands.channels(scaled, rounding: rounding)
      let pieces = weights.flatMap { line in
        (0..<taps).flatMap { tap in
          stride(from: 0, to: depth, by: groupSize).map { first in
            Array(line[tap * depth + first..<tap * depth + min(first + groupSize, depth)])
          }
        }
      }
      let bytes = packed(pieces, bits: bits)
      let rowBytes =
        taps
        * Int(uq_groupwise_tap_bytes(Int32(depth), Int32(groupSize), Int32(bits)))
      #expect(bytes.count == rows * rowBytes)
      let output = operands.output(rounding: rounding)
      var params = uq_matmul_groupwise_params(
        taps: Int32(taps), depth: Int32(depth), group_size: Int32(groupSize), rows: Int32(rows),
        output: output)
      let x = [operands.bytes(taps * depth), operands.bytes(taps * depth)]
      let expected = x.map { vector in
        scaled.indices.map { o in
          let acc = zip(scaled[o], vector).reduce(Int(bias[o])) { $0 + $1.0 * Int($1.1) }
          return Reference.output(output, acc, multipliers[o], Int(shifts[o]))
        }
      }
      var (y0, y1) = ([Int8](repeating: 0, count: rows), [Int8](repeating: 0, count: rows))
      let kernel = Self.product(bits)
      kernel(&params, x[0], x[1], bytes, factors, bias, multipliers, shifts, &y0, &y1)
      #expect(y0.map(Int.init) == expected[0])
      #expect(y1.map(Int.init) == expected[1])
      kernel(&params, x[1], nil, bytes, factors, bias, multipliers, shifts, &y0, nil)
      #expect(y0.map(Int.init) == expected[1])
    }
  }
}
