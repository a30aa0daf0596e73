import Testing
import UQSupport

@testable import UQAllocation

@Suite struct RepairTests {
  /// Four layers of 100 and 50 bytes; the first two lose least by themselves.
  private func allocator() throws -> Allocator {
    try Allocator(
      (0..<4).map { index in
        LayerChoices(
          name: "\(index)",
          options: [
            LayerOption(bits: 8, loss: 0, weightBytes: 100),
            LayerOption(bits: 4, loss: [1, 1, 1.1, 1.2][index], weightBytes: 50),
          ])
      })
  }

  private let budget = Budget(weightBytes: 300)

  /// What the layers lose, and `penalty` where the first two have 4 bits together.
  private func loss(_ options: [LayerOption], penalty: Double) -> Double {
    let isBoth = options[0].bits == 4 && options[1].bits == 4
    return options.reduce(0) { $0 + $1.loss } + (isBoth ? penalty : 0)
  }

  @Test func layersThatDoNotAddUpExchangeBits() throws {
    let allocator = try allocator()
    let start = try allocator.solve(budget)
    #expect(start.options.map(\.bits) == [4, 4, 8, 8])
    let found = try allocator.repair(start, within: budget, trials: 50) {
      SIMD2(repeating: loss($0, penalty: 3))
    }
    #expect(found.allocation.options[..<2].map(\.bits) != [4, 4])
    #expect(found.exchanges > 0 && found.before == 5 && (found.after - 2.1).magnitude < 1e-9)
    #expect(found.allocation.weightBytes <= 300)
  }

  @Test func whatAddsUpStays() throws {
    let allocator = try allocator()
    let start = try allocator.solve(budget)
    let found = try allocator.repair(start, within: budget, trials: 50) {
      SIMD2(repeating: loss($0, penalty: 0))
    }
    #expect(found.exchanges == 0 && found.allocation.options == start.options)
  }

  /// A gain on one half of the samples is chance.
  @Test func halvesHaveToAgree() throws {
    let allocator = try allocator()
    let start = try allocator.solve(budget)
    let found = try allocator.repair(start, within: budget, trials: 50) {
      SIMD2(loss($0, penalty: 3), loss($0, penalty: 0))
    }
    #expect(found.exchanges == 0)
  }

  @Test(arguments: [0, 1, 3]) func trialsAreCounted(_ trials: Int) throws {
    let allocator = try allocator()
    let start = try allocator.solve(budget)
    var measured = 0
    _ = try allocator.repair(start, within: budget, trials: trials) {
      measured += 1
      return SIMD2(repeating: loss($0, penalty: 0))
    }
    #expect(measured <= trials + 1)
  }
}
