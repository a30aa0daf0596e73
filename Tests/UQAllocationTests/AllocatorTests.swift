import Foundation
import Testing
import UQSupport

@testable import UQAllocation

/// A random network: sizes shrink with the bits, losses grow, and widths below 8 bits call shared code.
private func network(layers: Int, widths: [Int], seed: UInt64, codeBytes: Int = 0)
  -> (choices: [LayerChoices], code: KernelCode)
{
  var generator = SeededGenerator(seed: seed)
  var code: [String: Int] = [:]
  let choices = (0..<layers).map { index -> LayerChoices in
    let weights = Int.random(in: 50...4000, using: &generator)
    let family = ["conv", "depthwise"][Int.random(in: 0...1, using: &generator)]
    let reuse = Int.random(in: 1...64, using: &generator)
    var loss = 0.0
    return LayerChoices(
      name: "layer\(index)",
      options: widths.sorted(by: >).map { bits in
        loss += bits == 8 ? 0 : Double.random(in: 0...1, using: &generator) / Double(bits)
        if codeBytes > 0 {
          code["\(family)\(bits)"] = codeBytes + 10 * bits
          code["dot\(bits)"] = codeBytes
        }
        return LayerOption(
          bits: bits, loss: loss, weightBytes: (weights * bits + 7) / 8,
          flashBytes: (weights * bits + 7) / 8 + 40, instructions: weights * reuse * (12 - bits),
          code: codeBytes > 0 ? ["\(family)\(bits)", "dot\(bits)"] : [])
      })
  }
  return (choices, KernelCode(code))
}

/// Every allocation of a small network: what it takes and loses.
private struct Exhaustive {
  var all: [(loss: Double, flash: Int, weights: Int, instructions: Int)] = []

  init(_ allocator: Allocator) {
    let names = allocator.code.bytes.keys.sorted()
    let sizes = names.map { allocator.code.bytes[$0] ?? 0 }
    let layers = allocator.options.map { options in
      options.map { option in
        (
          option,
          names.indices.filter { option.code.contains(names[$0]) }.reduce(0) { $0 | 1 << $1 }
        )
      }
    }
    func visit(_ layer: Int, _ loss: Double, _ flash: Int, _ weights: Int, _ work: Int, _ code: Int)
    {
      guard layer < layers.count else {
        all.append((loss, flash, weights, work))
        return
      }
      for (option, mask) in layers[layer] {
        var flash = flash + option.flashBytes
        for bit in sizes.indices where (mask & ~code) >> bit & 1 == 1 { flash += sizes[bit] }
        visit(
          layer + 1, loss + option.loss, flash, weights + option.weightBytes,
          work + option.instructions, code | mask)
      }
    }
    visit(0, 0, allocator.fixed.flash ?? 0, 0, allocator.fixed.instructions ?? 0, 0)
  }

  /// The least loss within a budget; `nil` where nothing fits.
  func best(_ budget: Budget) -> Double? {
    let (flash, weights) = (budget.flash ?? .max, budget.weightBytes ?? .max)
    let work = budget.instructions ?? .max
    var best: Double?
    for made in all
    where made.flash <= flash && made.weights <= weights && made.instructions <= work {
      if made.loss < best ?? .infinity { best = made.loss }
    }
    return best
  }
}

private func problems(_ body: () throws -> Void) -> [Diagnostic] {
  do {
    try body()
    return []
  } catch { return diagnostics(of: error) }
}

@Suite struct AllocatorTests {
  @Test(arguments: 0..<24)
  func findsWhatTryingEverythingFinds(_ seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(1000 + seed))
    let (choices, code) = network(
      layers: 3 + seed % 3, widths: [8, 4, 3, 2], seed: UInt64(seed),
      codeBytes: seed % 3 == 0 ? 0 : 400)
    let allocator = try Allocator(choices, code: code, fixed: Budget(flash: 700, instructions: 50))
    func between(_ figure: (LayerOption) -> Int, _ extra: Int) -> Int {
      let sums = [8, 2].map { bits in
        allocator.options.reduce(0) { $0 + ($1.first { $0.bits == bits }.map(figure) ?? 0) }
      }
      let range = min(sums[0], sums[1])...max(sums[0], sums[1])
      return Int.random(in: range, using: &generator) + extra
    }
    let everything = Exhaustive(allocator)
    for kind in 0..<4 {
      var budget = Budget()
      if kind != 1 { budget.flash = between(\.flashBytes, 700 + code.bytes.count * 250) }
      if kind == 1 || kind == 3 { budget.weightBytes = between(\.weightBytes, 0) }
      if kind >= 2 { budget.instructions = between(\.instructions, 50) }
      guard let expected = everything.best(budget) else {
        let found = problems { _ = try allocator.solve(budget) }
        #expect(found.count > 0 && found.allSatisfy { $0.id.hasPrefix("allocate.budget.") })
        continue
      }
      let found = try allocator.solve(budget)
      #expect(found.loss <= expected * 1.001 + 1e-9)
      #expect(found.loss >= expected - 1e-9)
      #expect(found.lowerBound <= expected + 1e-9)
      #expect(found.gap <= 0.001)
      #expect(found.flashBytes <= budget.flash ?? .max)
      #expect(found.weightBytes <= budget.weightBytes ?? .max)
      #expect(found.instructions <= budget.instructions ?? .max)
    }
  }

  /// The work is bounded by counting, not by a clock.
  @Test(arguments: 0..<3)
  func sixtyLayersTakeLittleWork(_ seed: Int) throws {
    let (choices, code) = network(
      layers: 60, widths: [8, 4, 3, 2], seed: UInt64(seed), codeBytes: 600)
    let allocator = try Allocator(choices, code: code)
    let weights = allocator.options.reduce(0) { $0 + ($1.last?.weightBytes ?? 0) }
    let work = allocator.options.reduce(0) { $0 + ($1.last?.instructions ?? 0) }
    for share in [0.3, 0.5, 0.8] {
      let bytes = Int(share * Double(weights))
      for budget in [
        Budget(weightBytes: bytes), Budget(flash: bytes + 6000),
        Budget(
          flash: bytes + 6000, instructions: Int((3.1 - 1.8 * share) * Double(work))),
      ] {
        let found = try allocator.solve(budget)
        #expect(found.gap <= 0.001)
        #expect(found.nodes <= 500_000)
      }
    }
  }

  @Test func sameQuestionSameAnswer() throws {
    let same = (0..<20).map { index in
      LayerChoices(
        name: "\(index)",
        options: [8, 4, 2].map {
          LayerOption(bits: $0, loss: Double(8 - $0), weightBytes: 100 * $0)
        })
    }
    let allocator = try Allocator(same)
    let first = try allocator.solve(Budget(weightBytes: 9000))
    for _ in 0..<3 { #expect(try allocator.solve(Budget(weightBytes: 9000)) == first) }
    #expect(first.weightBytes <= 9000)
  }

  /// What loses nothing by fewer bits has them, where their code fits.
  @Test func fewerBytesForTheSameLoss() throws {
    let layers = (0..<2).map { index in
      LayerChoices(
        name: "l\(index)",
        options: [8, 4, 2].map {
          LayerOption(bits: $0, loss: 0, weightBytes: 100 * $0, code: ["k\($0)"])
        })
    }
    let allocator = try Allocator(layers, code: KernelCode(["k8": 10, "k4": 10, "k2": 900]))
    let wide = allocator.allocation([2, 2], lowerBound: 0, nodes: 0)
    let budget = Budget(flash: 2000)
    #expect(
      allocator.smallest(wide, at: [0, 1], within: Budget()).options.map(\.bits) == [2, 2])
    #expect(allocator.smallest(wide, at: [1], within: Budget()).options.map(\.bits) == [8, 2])
    #expect(allocator.smallest(wide, at: [0, 1], within: budget).keeps(budget))
    let small = Budget(flash: 1300)
    #expect(allocator.smallest(wide, at: [0, 1], within: small).options.map(\.bits) == [4, 4])
  }

  @Test func moreBitsNeverLoseMore() throws {
    let layer = LayerChoices(
      name: "noisy",
      options: [
        LayerOption(bits: 8, loss: 0.5, weightBytes: 80),
        LayerOption(bits: 4, loss: 0.2, weightBytes: 40),
        LayerOption(bits: 3, loss: -1, weightBytes: 30),
        LayerOption(bits: 2, loss: .nan, weightBytes: 20),
      ])
    let allocator = try Allocator([layer])
    #expect(allocator.options[0].map(\.bits) == [3, 4, 8])
    #expect(allocator.options[0].map(\.loss) == [0.5, 0.5, 0.5])
    #expect(try allocator.solve(Budget()).options[0].bits == 3)
  }

  /// Groups lose no more than one scale of as many bits, no less than more bits, and change no other loss.
  @Test func groupsLieBetweenWidths() throws {
    func option(_ bits: Int, _ groupSize: Int?, _ loss: Double) -> LayerOption {
      LayerOption(
        bits: bits, groupSize: groupSize, loss: loss,
        weightBytes: groupSize == nil ? bits : bits + 1)
    }
    let layer = LayerChoices(
      name: "grouped",
      options: [
        option(2, nil, 3), option(2, 32, 0.5), option(3, 32, 2), option(3, 16, 0.7),
        option(4, 32, -1), option(3, nil, 1), option(4, nil, 0.6), option(8, nil, 0),
      ])
    let options = try Allocator([layer]).options[0]
    #expect(options.map(\.bits) == [2, 2, 3, 3, 3, 4, 4, 8])
    #expect(options.map(\.groupSize) == [nil, 32, nil, 32, 16, nil, 32, nil])
    #expect(options.map(\.loss) == [3, 1, 1, 1, 0.7, 0.6, 0, 0])
    let alone = try Allocator([LayerChoices(name: "given", options: [option(4, 32, 0)])])
    #expect(try alone.solve(Budget()).weightBytes == 5)
  }

  /// Two layers that lose far more together than apart are told by measuring; what an exchange gains has to show
  /// in the samples.
  @Test func lossesThatDoNotAddUpAreRepaired() throws {
    let layers = (0..<4).map { index in
      LayerChoices(
        name: "\(index)",
        options: [
          LayerOption(bits: 8, loss: 0, weightBytes: 800),
          LayerOption(bits: 4, loss: index < 2 ? 0.1 : 0.12, weightBytes: 400),
        ])
    }
    let allocator = try Allocator(layers)
    let budget = Budget(weightBytes: 2400)
    let found = try allocator.solve(budget)
    #expect(found.options.map(\.bits) == [4, 4, 8, 8])
    var generator = SeededGenerator(seed: 5)
    let noise = (0..<50).map { _ in Double.random(in: 0...0.02, using: &generator) }
    func measured(_ options: [LayerOption], together: Double) -> [Double] {
      let sum = options.reduce(0) { $0 + $1.loss }
      let both = options[0].bits == 4 && options[1].bits == 4 ? together : 0
      return noise.enumerated().map { index, noise in
        // Samples do not suffer alike.
        sum + both * (index.isMultiple(of: 3) ? 2 : 0.5) + noise
      }
    }
    let repaired = allocator.repair(found, within: budget) { measured($0, together: 0.5) }
    #expect(repaired.exchanges == 1 && repaired.allocation.keeps(budget))
    #expect(repaired.allocation.options.map(\.bits) != [4, 4, 8, 8])
    #expect(repaired.allocation.loss == 0.22 && repaired.allocation.weightBytes == 2400)
    #expect(repaired.losses == measured(repaired.allocation.options, together: 0.5))
    let additive = allocator.repair(found, within: budget) { measured($0, together: 0) }
    #expect(additive.exchanges == 0 && additive.allocation == found)
    // One sample says nothing of chance.
    let alone = allocator.repair(found, within: budget) { [measured($0, together: 9)[0]] }
    #expect(alone.exchanges == 0)
  }

  /// Losses that differ by chance alone exchange nothing, nor do those that are no numbers.
  @Test func chanceRepairsNothing() throws {
    var exchanges = 0
    for seed in 0..<20 as Range<UInt64> {
      let (choices, _) = network(layers: 10, widths: [8, 4, 2], seed: seed)
      let allocator = try Allocator(choices)
      let budget = Budget(weightBytes: allocator.options.reduce(0) { $0 + $1[1].weightBytes })
      var generator = SeededGenerator(seed: seed)
      let found = try allocator.solve(budget)
      exchanges +=
        allocator.repair(found, within: budget) { _ in
          (0..<100).map { _ in -log(Double.random(in: 0.001...1, using: &generator)) }
        }.exchanges
      #expect(allocator.repair(found, within: budget) { _ in [.nan, .nan, 1] }.exchanges == 0)
    }
    #expect(exchanges <= 1)
  }

  @Test func codeIsPaidOnce() throws {
    let layers = (0..<5).map { index in
      LayerChoices(
        name: "\(index)",
        options: [
          LayerOption(bits: 8, loss: 0, weightBytes: 1000, code: ["dot8"]),
          LayerOption(bits: 4, loss: 1, weightBytes: 500, code: ["dot4"]),
        ])
    }
    let allocator = try Allocator(layers, code: KernelCode(["dot8": 300, "dot4": 900]))
    #expect(try allocator.solve(Budget(flash: 5300)).options.allSatisfy { $0.bits == 8 })
    // Two kinds of code leave room for less than one kind with all layers at 4 bits.
    #expect(try allocator.solve(Budget(flash: 3400)).options.allSatisfy { $0.bits == 4 })
    #expect(try allocator.solve(Budget(flash: 5299)).options.count { $0.bits == 4 } == 2)
  }

  @Test func impossibleBudgetsNameTheWayOut() throws {
    let layer = LayerChoices(
      name: "only",
      options: [
        LayerOption(bits: 8, loss: 0, weightBytes: 20_000, instructions: 100),
        LayerOption(bits: 2, loss: 1, weightBytes: 5_000, instructions: 900),
      ])
    let allocator = try Allocator([layer], fixed: Budget(flash: 13_432))
    let tiny = problems { _ = try allocator.solve(Budget(flash: 16_384)) }
    #expect(tiny.map(\.id) == ["allocate.budget.flash"])
    #expect(
      tiny[0].message
        == "the network needs at least 18,432 B of flash, 16,384 given: raise --flash by 2,048"
    )
    let joint = problems { _ = try allocator.solve(Budget(flash: 20_000, instructions: 800)) }
    #expect(joint.map(\.id) == ["allocate.budget.instructions"])
    #expect(joint[0].message.hasSuffix("raise --instructions by 100, or raise --flash by 13,432"))
    for budget in [Budget(flash: 1), Budget(weightBytes: 1), Budget(instructions: 1)] {
      #expect(problems { _ = try allocator.solve(budget) }.count == 1)
    }
    #expect(
      problems { _ = try Allocator([LayerChoices(name: "x", options: [])]) }.map(\.id)
        == ["allocate.options.none"])
    #expect(
      problems {
        _ = try Allocator([
          LayerChoices(name: "x", options: [LayerOption(bits: 8, loss: 0, weightBytes: -1)])
        ])
      }.map(\.id) == ["allocate.options.invalid"])
  }
}

@Suite struct FrontierTests {
  @Test(arguments: 0..<6)
  func everyPointIsTheBestOfItsSize(_ seed: Int) throws {
    let (choices, _) = network(layers: 5, widths: [8, 4, 2], seed: UInt64(seed))
    let allocator = try Allocator(choices)
    let everything = Exhaustive(allocator)
    let frontier = allocator.frontier()
    #expect(frontier.gap == 0)
    #expect(frontier.points.count > 10)
    for (a, b) in zip(frontier.points, frontier.points.dropFirst()) {
      #expect(a.weightBytes < b.weightBytes && a.loss > b.loss)
    }
    for point in frontier.points {
      let best = try #require(everything.best(Budget(weightBytes: point.weightBytes)))
      #expect((point.loss - best).magnitude < 1e-9)
    }
  }

  @Test func largeFrontiersStayCloseToTheBest() throws {
    let (choices, _) = network(layers: 40, widths: [8, 4, 3, 2], seed: 7)
    let allocator = try Allocator(choices)
    let frontier = allocator.frontier()
    #expect(frontier.points.count <= Allocator.mostFrontierPoints)
    #expect(frontier.gap < 0.02)
    for index in stride(from: 0, to: frontier.points.count, by: frontier.points.count / 5) {
      let point = frontier.points[index]
      let best = try allocator.solve(Budget(weightBytes: point.weightBytes))
      #expect(point.loss <= best.lowerBound * (1 + frontier.gap) + 1e-9)
    }
  }
}
