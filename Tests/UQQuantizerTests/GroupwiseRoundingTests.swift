import Testing
import UQKernels
import UQNumerics
import UQSupport

@testable import UQQuantizer

extension ChannelProblem {
  /// The loss of integers with a scale for each group.
  fileprivate func loss(_ integers: [Int8], _ scales: [Double], _ groups: ChannelGroups) -> Double {
    let error = integers.indices.map {
      scales[groups.indices[$0]] * Double(integers[$0]) - target[$0]
    }
    return product(error, error)
  }

  /// The least loss over all integers of two groups, each with its best scales of either sign.
  fileprivate func best(_ levels: [Int], _ groups: ChannelGroups) -> Double {
    let all = product(target, target)
    var least = all
    let count = (0..<size).reduce(1) { count, _ in count * levels.count }
    for code in 0..<count {
      var rest = code
      let q = (0..<size).map { _ -> Double in
        defer { rest /= levels.count }
        return Double(levels[rest % levels.count])
      }
      let parts = (0..<2).map { g in q.indices.map { groups.indices[$0] == g ? q[$0] : 0 } }
      let (a, b, c) = (
        product(parts[0], parts[0]), product(parts[0], parts[1]), product(parts[1], parts[1])
      )
      let (u, v) = (product(parts[0], target), product(parts[1], target))
      let determinant = a * c - b * b
      if determinant > 1e-12 {
        least = min(least, all - (c * u * u - 2 * b * u * v + a * v * v) / determinant)
      } else if a > 0 {
        least = min(least, all - u * u / a)
      } else if c > 0 {
        least = min(least, all - v * v / c)
      }
    }
    return least
  }
}

private func grid(_ bits: Int, powerOfTwo: Bool = false, floor: Double = 0)
  -> LatticeRounding.Grid
{
  let range = Quantization(bits: bits, scales: [1])
  return LatticeRounding.Grid(
    lowest: range.lowest, highest: range.highest, powerOfTwo: powerOfTwo, isSigned: !powerOfTwo,
    floor: floor)
}

private func levels(_ bits: Int) -> [Int] {
  let range = Quantization(bits: bits, scales: [1])
  return Array(range.lowest...range.highest)
}

@Suite struct GroupwiseRoundingTests {
  /// Widths with sizes that can be tried completely.
  static let sizes = [(2, 6), (3, 4), (4, 3)]

  /// Every other weight belongs to the second group, as channels of several taps do.
  @Test(arguments: sizes)
  func closeToTheBestOfAll(_ size: (bits: Int, count: Int)) throws {
    let groups = ChannelGroups(taps: (size.count + 1) / 2, channels: 2, size: 1)
    var (found, single, best, nothing) = (0.0, 0.0, 0.0, 0.0)
    for seed in 0..<24 {
      let problem = ChannelProblem(size.count, seed: 700 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      let solution = rounding.round(problem.target, groups: groups, grid: grid(size.bits))
      let least = problem.best(levels(size.bits), groups)
      #expect(solution.integers.allSatisfy { levels(size.bits).contains(Int($0)) })
      #expect(solution.loss >= least - 1e-9)
      let recomputed = problem.loss(solution.integers, solution.scales, groups)
      #expect((solution.loss - recomputed).magnitude < 1e-9)
      found += solution.loss
      single += rounding.round(problem.target, grid: grid(size.bits)).loss
      best += least
      nothing += problem.product(problem.target, problem.target)
    }
    #expect(found - best <= 0.02 * nothing, "\((found - best) / nothing)")
    // What the second scale could save is nearly all saved.
    #expect(found - best <= 0.35 * (single - best), "\(found), \(single), \(best)")
  }

  @Test(arguments: [2, 3, 4], [false, true])
  func neverWorseThanOneScaleAndOnTheDevice(_ bits: Int, _ powerOfTwo: Bool) throws {
    for seed in 0..<12 {
      let problem = ChannelProblem(40, seed: 40 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      // Groups of 8, 8 and 4 channels, two taps.
      let groups = ChannelGroups(taps: 2, channels: 20, size: 8)
      let form = grid(bits, powerOfTwo: powerOfTwo)
      let solution = rounding.round(problem.target, groups: groups, grid: form)
      let single = rounding.round(problem.target, grid: form)
      #expect(solution.loss <= single.loss)
      let device = GroupScales(solution.scales, rounding: powerOfTwo ? .shift : .single)
      #expect(!device.factors.contains(0))
      for (scale, factor) in zip(solution.scales, device.factors) {
        #expect((scale - device.step * Double(factor)).magnitude <= 1e-12 * scale.magnitude)
      }
      if powerOfTwo { #expect(device.step.significand == 1) }
      let recomputed = problem.loss(solution.integers, solution.scales, groups)
      #expect((solution.loss - recomputed).magnitude < 1e-9)
    }
  }

  /// Groups whose weights differ by an order of magnitude are what the scales are for.
  @Test(arguments: [2, 3, 4])
  func unlikeGroupsLoseMuchLess(_ bits: Int) throws {
    var (found, single) = (0.0, 0.0)
    for seed in 0..<10 {
      let problem = ChannelProblem(24, seed: 90 + seed)
      let rounding = try #require(LatticeRounding(problem.covariance))
      let target = problem.target.enumerated().map { $0 % 24 < 8 ? 0.1 * $1 : $1 }
      let groups = ChannelGroups(taps: 1, channels: 24, size: 8)
      found += rounding.round(target, groups: groups, grid: grid(bits)).loss
      single += rounding.round(target, grid: grid(bits)).loss
    }
    #expect(found < 0.85 * single, "\(found) and \(single)")
  }

  @Test(arguments: [2, 3, 4])
  func degenerateTargetsHaveScales(_ bits: Int) throws {
    let problem = ChannelProblem(16, seed: 3)
    let rounding = try #require(LatticeRounding(problem.covariance))
    let groups = ChannelGroups(taps: 1, channels: 16, size: 8)
    let half = problem.target.enumerated().map { $0 < 8 ? 0 : $1 }
    var broken = problem.target
    broken[3] = .nan
    var tiny = [Double](repeating: 0, count: 16)
    tiny[9] = 1e-300
    for target in [half, [Double](repeating: 0, count: 16), broken, tiny] {
      for floor in [0, 0x1p-100, 0.75] {
        let solution = rounding.round(target, groups: groups, grid: grid(bits, floor: floor))
        #expect(solution.scales.count == 2 && solution.integers.count == 16)
        #expect(solution.scales.allSatisfy { $0.isFinite && $0 != 0 })
        #expect(solution.scales.map(\.magnitude).max() ?? 0 >= floor)
      }
    }
    // One group is one scale.
    let whole = ChannelGroups(taps: 1, channels: 16, size: 16)
    let one = rounding.round(problem.target, groups: whole, grid: grid(bits))
    let single = rounding.round(problem.target, grid: grid(bits))
    #expect(one.integers == single.integers && one.scales == [single.scale])
  }

  @Test func channelsOfTapsShareTheirGroup() {
    let groups = ChannelGroups(taps: 2, channels: 5, size: 2)
    #expect(groups.count == 3)
    #expect(groups.indices == [0, 0, 1, 1, 2, 0, 0, 1, 1, 2])
  }
}

/// Rounding to the nearest with scales for groups, where there are no samples.
@Suite struct GroupwiseWeightTests {
  private func weights() -> Tensor {
    var random = SeededGenerator(seed: 5)
    // The second half of the input channels is ten times smaller.
    return Tensor(
      (0..<3 * 2 * 16).map { Float.random(in: -1...1, using: &random) * ($0 % 16 < 8 ? 1 : 0.1) },
      [3, 2, 1, 16])
  }

  private func error(_ weights: Tensor, _ found: QuantizedWeights) -> Float {
    zip(weights.floats, found.dequantized.floats).reduce(0) {
      $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
    }
  }

  @Test(arguments: [4, 3, 2], [false, true])
  func closerThanOneScale(_ bits: Int, _ powerOfTwo: Bool) {
    let weights = weights()
    let quantizer = WeightQuantizer(bits: bits, powerOfTwo: powerOfTwo)
    let single = quantizer.quantize(weights, axis: 0, floors: [0, 0, 0])
    let found = quantizer.quantize(weights, groupSize: 8, floors: [0, 0, 0])
    #expect(found.quantization.scales.count == 6 && found.quantization.groupSize == 8)
    #expect(error(weights, found) < 0.97 * error(weights, single))
    for channel in 0..<3 {
      let own = Array(found.quantization.scales[2 * channel..<2 * channel + 2])
      let device = GroupScales(own, rounding: powerOfTwo ? .shift : .single)
      for (scale, factor) in zip(own, device.factors) {
        #expect((scale - device.step * Double(factor)).magnitude <= 1e-12 * scale.magnitude)
      }
    }
    let integers = found.integers.elements(Int8.self)
    for (index, real) in found.dequantized.floats.enumerated() {
      let scale = found.quantization.scales[index / 32 * 2 + index % 16 / 8]
      #expect(real == Float(scale * Double(integers[index])))
    }
  }

  @Test func zerosAndFloorsKeepScales() {
    let quantizer = WeightQuantizer(bits: 4)
    let zeros = quantizer.quantize(
      Tensor(zeros: .float32, [2, 1, 1, 16]), groupSize: 8, floors: [0, 3])
    #expect(zeros.quantization.scales == [1, 1, 3, 3])
    let floored = quantizer.quantize(weights(), groupSize: 8, floors: [9, 9, 9])
    #expect(floored.quantization.scales.allSatisfy { $0.magnitude == 9 })
  }

  @Test func channelsAreScaledWithAllTheirGroups() throws {
    let found = WeightQuantizer(bits: 4).quantize(weights(), groupSize: 8, floors: [0, 0, 0])
    let old = found.quantization.scales
    let tuned = try #require(found.scaled(by: [1.5, 1, 0.5], floors: [0, 0, 1e9]))
    #expect(
      tuned.quantization.scales
        == [1.5 * old[0], 1.5 * old[1], old[2], old[3], old[4], old[5]])
    for (index, pair) in zip(tuned.dequantized.floats, found.dequantized.floats).enumerated() {
      #expect(pair.0 == pair.1 * (index < 32 ? 1.5 : 1))
    }
    #expect(found.scaled(by: [0, 1, 1], floors: [0, 0, 0]) == nil)
    #expect(found.quantization.biasScales(channels: 3).count == 3)
    #expect(found.quantization.biasScales(channels: 3)[0] == max(abs(old[0]), abs(old[1])))
  }
}

@Suite struct WeightFormatTests {
  @Test(
    arguments: [
      ("4", 4, nil), ("w8", 8, nil), ("4g32", 4, 32), ("w2g16", 2, 16), ("w3g4096", 3, 4096),
    ] as [(String, Int, Int?)])
  func textsAreFormats(_ text: String, _ bits: Int, _ size: Int?) {
    #expect(WeightFormat(text) == WeightFormat(bits: bits, groupSize: size))
  }

  @Test(
    arguments: [
      "", "w", "5", "8g32", "1g32", "4g", "4g0", "4g12", "4g032", "4g8192", "4g-8", "44", "4 ",
      "g32", "4g32g32", "ww4",
    ])
  func textsThatAreNone(_ text: String) { #expect(WeightFormat(text) == nil) }

  @Test func theOrderIsThatOfSizes() {
    let formats = ["8", "w4g16", "w4g32", "4", "w3g16", "3", "2"].compactMap { WeightFormat($0) }
    #expect(formats.sorted(by: >) == formats && formats.map(\.description).first == "8")
    #expect(formats.map(\.description) == ["8", "w4g16", "w4g32", "4", "w3g16", "3", "2"])
  }
}
