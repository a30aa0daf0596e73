import COneDNN
import Testing

private func range(_ x: [Float]) -> (lo: Float, hi: Float, nonfinite: UInt64) {
  var result: (lo: Float, hi: Float, nonfinite: UInt64) = (0, 0, 0)
  uq_range_f32(x, x.count, &result.lo, &result.hi, &result.nonfinite)
  return result
}

private func histogram(
  _ x: [Float], stride: Int = 1, inverseWidth: Float, lowest: Int32, bins: Int
) -> [UInt64] {
  var counts = [UInt64](repeating: 0, count: bins)
  uq_histogram_f32(x, x.count, stride, inverseWidth, lowest, UInt32(bins), &counts)
  return counts
}

private func naiveHistogram(
  _ x: [Float], stride: Int, inverseWidth: Float, lowest: Int32, bins: Int
) -> [UInt64] {
  var counts = [UInt64](repeating: 0, count: bins)
  for i in Swift.stride(from: 0, to: x.count, by: stride) where x[i].isFinite {
    let place = (Double(x[i]) * Double(inverseWidth)).rounded(.down)
    counts[Int(min(max(place, Double(lowest)), Double(Int(lowest) + bins - 1))) - Int(lowest)] += 1
  }
  return counts
}

private let awkward: [Float] = [
  0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .leastNormalMagnitude,
  -.leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .nan, .infinity,
  -.infinity, -.nan, 1, -1, 0.5, -0.5, 0.49999997, -0.50000006, 1.5, -1.5, 1e30, -1e30,
]

@Suite struct StatisticsTests {
  @Test(arguments: [0, 1, 15, 16, 17, 1000]) func rangeEqualsNaive(_ count: Int) {
    var values = Values(seed: 8)
    let x = values.take(count).map { $0 * 100 }
    let result = range(x)
    #expect(result.lo == x.min() ?? .infinity)
    #expect(result.hi == x.max() ?? -.infinity)
    #expect(result.nonfinite == 0)
  }

  @Test func rangeSkipsAndCountsNonfinite() {
    for position in 0..<40 {
      var x = [Float](repeating: 0.25, count: 40)
      for bad in [Float.nan, .infinity, -.infinity] {
        x[position] = bad
        let result = range(x)
        #expect(result == (0.25, 0.25, 1))
      }
      x[position] = -3
      #expect(range(x) == (-3, 0.25, 0))
    }
    #expect(range([.nan, .infinity]) == (.infinity, -.infinity, 2))
    let all = range(awkward)
    #expect(all == (-.greatestFiniteMagnitude, .greatestFiniteMagnitude, 4))
    #expect(range([-0.0]).lo.sign == .plus)
  }

  @Test(arguments: [1, 2, 3, 7], [1, 0.5, 256, 0x1p-100, 0x1p100, 0.3] as [Float])
  func histogramEqualsNaive(_ stride: Int, _ inverseWidth: Float) {
    var values = Values(seed: 9)
    var x = values.take(1000).map { $0 * 6 / inverseWidth * 8 }
    x.insert(contentsOf: awkward, at: 300)
    x.append(contentsOf: awkward.map { $0 / inverseWidth })
    for (lowest, bins) in [(-24, 48), (0, 1), (5, 10), (-1, 2), (1 << 25, 3)] as [(Int32, Int)] {
      let counts = histogram(
        x, stride: stride, inverseWidth: inverseWidth, lowest: lowest, bins: bins)
      let expected = naiveHistogram(
        x, stride: stride, inverseWidth: inverseWidth, lowest: lowest, bins: bins)
      #expect(counts == expected)
    }
  }

  @Test func impossibleHistogramsCountNothing() {
    for width in [0, -1, .nan, .infinity] as [Float] {
      #expect(histogram([1, 2], inverseWidth: width, lowest: 0, bins: 4) == [0, 0, 0, 0])
    }
    #expect(histogram([1, 2], stride: 0, inverseWidth: 1, lowest: 0, bins: 2) == [0, 0])
    #expect(histogram([1], inverseWidth: 1, lowest: .max, bins: 2) == [0, 0])
    #expect(histogram([], inverseWidth: 1, lowest: 0, bins: 2) == [0, 0])
  }
}
