import Testing
import UQNumerics
import UQSupport

@testable import UQQuantizer

/// A layer of a few channels whose errors matter together.
private struct Problem {
  let depth: Int
  let channels: Int
  let inputs: SymmetricMatrix
  let outputs: [Double]
  /// `[depth, channels]`.
  let targets: [Double]

  /// The outputs see `directions` combinations of the channels, and little else.
  init(_ depth: Int, _ channels: Int, directions: Int, seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    self.depth = depth
    self.channels = channels
    inputs = randomCovariance(depth, ridge: 0.05, &random)
    targets = (0..<depth * channels).map { _ in Double.random(in: -1...1, using: &random) }
    let seen = (0..<directions * channels).map { _ in Double.random(in: -1...1, using: &random) }
    outputs = (0..<channels * channels).map { index in
      let (i, j) = (index / channels, index % channels)
      return (0..<directions).reduce(i == j ? 0.01 : 0) {
        $0 + seen[$1 * channels + i] * seen[$1 * channels + j]
      }
    }
  }

  func target(_ channel: Int) -> [Double] { (0..<depth).map { targets[$0 * channels + channel] } }

  /// `tr(F E H Eᵀ)`.
  func loss(_ solutions: [LatticeRounding.GroupSolution]) -> Double {
    let errors = solutions.enumerated().map { channel, solution in
      zip(target(channel), solution.integers).map { $0 - solution.scales[0] * Double($1) }
    }
    var sum = 0.0
    for i in 0..<channels {
      for j in 0..<channels {
        for k in 0..<depth {
          for l in 0..<depth {
            sum +=
              outputs[i * channels + j] * errors[i][k] * inputs.elements[k * depth + l]
              * errors[j][l]
          }
        }
      }
    }
    return sum
  }
}

private func grid(_ bits: Int) -> LatticeRounding.Grid {
  let range = Quantization(bits: bits, scales: [1])
  return LatticeRounding.Grid(lowest: range.lowest, highest: range.highest)
}

@Suite struct CoupledRoundingTests {
  /// Where few combinations of channels reach the outputs, errors hide in the others.
  @Test(arguments: [2, 3, 4])
  func losesLessThanChannelsAlone(_ bits: Int) throws {
    var (alone, together) = (0.0, 0.0)
    for seed in 0..<10 {
      let problem = Problem(10, 8, directions: 3, seed: seed)
      let lattice = try #require(LatticeRounding(problem.inputs))
      let grids = [LatticeRounding.Grid](repeating: grid(bits), count: 8)
      let coupled = try #require(CoupledRounding(lattice, curvature: problem.outputs))
      let found = coupled.round(problem.targets, grids: grids)
      for solution in found {
        #expect(solution.integers.allSatisfy { grids[0].lowest...grids[0].highest ~= Int($0) })
        #expect(solution.scales.allSatisfy { $0.isFinite })
      }
      together += problem.loss(found)
      alone += problem.loss(
        (0..<8).map { lattice.round(problem.target($0), in: nil, grid: grids[$0]) })
    }
    #expect(together < 0.7 * alone)
  }

  /// With channels that do not touch each other it is rounding of each by itself.
  @Test func independentChannelsAreRoundedAlone() throws {
    let problem = Problem(6, 4, directions: 1, seed: 1)
    let lattice = try #require(LatticeRounding(problem.inputs))
    var identity = [Double](repeating: 0, count: 16)
    for i in 0..<4 { identity[i * 4 + i] = Double(i + 1) }
    let coupled = try #require(CoupledRounding(lattice, curvature: identity))
    let found = coupled.round(problem.targets, grids: [grid(3), grid(3), grid(3), grid(3)])
    for channel in 0..<4 {
      let alone = lattice.round(problem.target(channel), grid: grid(3))
      #expect(found[channel].integers == alone.integers)
      #expect((found[channel].scales[0] - alone.scale).magnitude < 1e-12)
    }
  }

  @Test func knowsWhenThereIsNothingToCouple() throws {
    let lattice = try #require(LatticeRounding(Problem(3, 2, directions: 1, seed: 2).inputs))
    #expect(CoupledRounding(lattice, curvature: [1]) == nil)
    #expect(CoupledRounding(lattice, curvature: [0, 0, 0, 0]) == nil)
    #expect(CoupledRounding(lattice, curvature: [.nan, 0, 0, 1]) == nil)
    #expect(CoupledRounding(lattice, curvature: [.infinity, 0, 0, 1]) == nil)
  }

  /// A channel of zeros and targets of zeros stay finite.
  @Test func zeroTargetsStayZero() throws {
    let lattice = try #require(LatticeRounding(Problem(3, 2, directions: 1, seed: 2).inputs))
    let coupled = try #require(CoupledRounding(lattice, curvature: [1, 0, 0, 1]))
    let found = coupled.round([Double](repeating: 0, count: 6), grids: [grid(2), grid(2)])
    #expect(found.allSatisfy { $0.integers == [0, 0, 0] && $0.scales == [1] })
  }
}
