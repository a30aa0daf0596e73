import Foundation
import Testing
import UQGraph
import UQNumerics
import UQQuantizer
import UQSupport

/// Statistics of `values` in bins of 2^exponent.
private func statistics(_ values: [Float], exponent: Int) -> TensorStatistics {
  let width = Double(sign: .plus, exponent: exponent, significand: 1)
  let bins = values.map { Int((Double($0) / width).rounded(.down)) }
  let first = bins.min() ?? 0
  var counts = [UInt64](repeating: 0, count: (bins.max() ?? 0) - first + 1)
  for bin in bins { counts[bin - first] += 1 }
  return TensorStatistics(
    name: "x", minimum: values.min() ?? 0, maximum: values.max() ?? 0, binExponent: exponent,
    firstBin: first, counts: counts)
}

/// A bell of standard deviation 1, deterministic.
private func bell(_ count: Int) -> [Float] {
  var generator = SeededGenerator(seed: 1)
  return (0..<count).map { _ in
    (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &generator) }
  }
}

@Suite struct RangeTests {
  private static let methods: [RangeMethod] = [.minmax, .percentile, .mse, .entropy]

  @Test(arguments: methods) func liesWithinWhatWasSeen(_ method: RangeMethod) {
    for values in [
      bell(5000), bell(5000).map { $0.magnitude }, bell(5000).map { -$0.magnitude - 1 },
    ] {
      let range = statistics(values, exponent: -8).range(by: method)
      #expect(range.low <= 0 && range.high >= 0)
      #expect(range.low >= Double(min(values.min() ?? 0, 0)))
      #expect(range.high <= Double(max(values.max() ?? 0, 0)))
      #expect(range.high - range.low > 1)
    }
  }

  @Test func outliersAreCutByAllButMinmax() {
    let values = bell(500_000) + [400, 400]
    let statistics = statistics(values, exponent: -2)
    #expect(statistics.range(by: .minmax).high == 400)
    #expect(statistics.range(by: .percentile).high < 7)
    #expect(statistics.range(by: .mse).high < 390)
    #expect(statistics.range(by: .entropy).high < 200)
    #expect(statistics.range(by: .percentile).low < -3)
  }

  @Test(arguments: methods) func oneSidedStaysOneSided(_ method: RangeMethod) {
    let range = statistics(bell(5000).map { $0.magnitude }, exponent: -8).range(by: method)
    #expect(range.low == 0)
    #expect(range.quantization(bits: 8, powerOfTwo: false).zeroPoint == -128)
  }

  @Test(arguments: methods) func constantAndTwoPoints(_ method: RangeMethod) {
    let constant = statistics([Float](repeating: 3, count: 100), exponent: -6).range(by: method)
    #expect(constant.low == 0 && constant.high > 2.9 && constant.high <= 3)
    let points = statistics([-1, 1, -1, 1], exponent: -6).range(by: method)
    #expect((-1 ... -0.98).contains(points.low) && (0.98...1).contains(points.high))
    let zero = statistics([0, 0, 0], exponent: -60).range(by: method)
    #expect(zero == ActivationRange(low: 0, high: 0))
    #expect(zero.quantization(bits: 8, powerOfTwo: false).scale == 1)
  }

  @Test(arguments: methods) func emptyStatistics(_ method: RangeMethod) {
    let empty = TensorStatistics(
      name: "x", minimum: 0, maximum: 0, binExponent: 0, firstBin: 0, counts: [])
    #expect(empty.range(by: method) == ActivationRange(low: 0, high: 0))
  }

  @Test func roundingIsOutwardAndSmall() {
    for value in [1e-30, 0.001, 0.7, 1, 3.1415, 1e20, Double(Float.greatestFiniteMagnitude)] {
      let range = ActivationRange(low: -value, high: value * 2).rounded
      #expect(range.low <= -value * (1 - 0x1p-20) && range.low >= -value * 1.005)
      #expect(range.high >= 2 * value * (1 - 0x1p-20) && range.high <= 2 * value * 1.005)
    }
  }

  @Test func quantizationCoversTheRange() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<2000 {
      let size = exp2(Double.random(in: -15...100, using: &generator))
      let range = ActivationRange(
        low: -size * Double.random(in: 0...1, using: &generator),
        high: size * Double.random(in: 0...1, using: &generator))
      for powerOfTwo in [false, true] {
        let q = range.quantization(bits: 8, powerOfTwo: powerOfTwo)
        #expect(q.dequantize(q.lowest) <= range.low + 0.51 * q.scale)
        #expect(q.dequantize(q.highest) >= range.high - 0.51 * q.scale)
        #expect(q.dequantize(q.zeroPoint) == 0)
        if powerOfTwo { #expect(q.scale.significand == 1) }
      }
    }
  }
}

@Suite struct WeightQuantizerTests {
  private func error(_ weights: [Float], bits: Int, powerOfTwo: Bool = false) -> Double {
    let tensor = Tensor(weights, [1, weights.count])
    let result = WeightQuantizer(bits: bits, powerOfTwo: powerOfTwo)
      .quantize(tensor, axis: 0, floors: [0])
    let energy = weights.reduce(0.0) { $0 + Double($1) * Double($1) }
    let lost = zip(weights, result.dequantized.floats).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    return lost / energy
  }

  @Test func errorFallsWithBits() {
    let weights = bell(512)
    let errors = [1, 2, 3, 4, 8].map { error(weights, bits: $0) }
    #expect(errors == errors.sorted(by: >))
    // The optimal quantizers of a normal distribution (Max 1960) lose .363, .117, .034, .0094 of the energy.
    #expect(errors[0] < 0.38)
    #expect(errors[1] < 0.16)
    #expect(errors[2] < 0.045)
    #expect(errors[3] < 0.0125)
    #expect(errors[4] < 1e-4)
  }

  @Test(arguments: [8, 4, 3, 2, 1]) func integersFitTheBitsAndScales(_ bits: Int) {
    var weights = bell(4 * 60)
    for i in 0..<60 { weights[60 + i] = 0 }
    for i in 0..<60 { weights[120 + i] *= 1e30 }
    for i in 0..<60 { weights[180 + i] *= 0x1p-140 }
    let tensor = Tensor(weights, [4, 60])
    for powerOfTwo in [false, true] {
      let result = WeightQuantizer(bits: bits, powerOfTwo: powerOfTwo)
        .quantize(tensor, axis: 0, floors: [0, 0, 0, 0])
      let q = result.quantization
      #expect(q.scales.count == 4)
      for scale in q.scales { #expect(scale != 0 && scale.isFinite) }
      if powerOfTwo { for scale in q.scales { #expect(scale.magnitude.significand == 1) } }
      for integer in result.integers.integers {
        #expect((q.lowest...q.highest).contains(integer))
        if bits == 8 { #expect(integer != -128) }
      }
      let isFinite = result.dequantized.floats.allSatisfy { $0.isFinite }
      #expect(isFinite)
      if bits > 1 { #expect(Set(result.integers.integers[60..<120]) == [0]) }
    }
  }

  @Test(arguments: [8, 4, 2, 1]) func respectsFloors(_ bits: Int) {
    let tensor = Tensor(bell(20), [2, 10])
    let result = WeightQuantizer(bits: bits, powerOfTwo: false)
      .quantize(tensor, axis: 0, floors: [100, 0])
    #expect(result.quantization.scales[0].magnitude >= 100)
    #expect(result.quantization.scales[1].magnitude < 5)
  }

  @Test func quantizesAlongTheLastAxis() {
    let tensor = Tensor([1, 100, -0.5, 50, 0.25, -100] as [Float], [3, 2])
    let result = WeightQuantizer(bits: 8).quantize(tensor, axis: 1, floors: [0, 0])
    #expect(result.quantization.scales == [1.0 / 127, 100.0 / 127])
    #expect(result.integers.integers == [127, 127, -64, 63, 32, -127])
  }
}
