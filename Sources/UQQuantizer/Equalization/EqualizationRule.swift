import Foundation
import UQGraph
import UQNumerics

/// How the factors of a chain's channels follow from the network.
public enum EqualizationRule: String, Sendable, Hashable, Codable, CaseIterable {
  /// `S_c = r_c / max r`, `r_c` the mean over the samples of the channel's largest magnitude in a sample.
  case range
  /// `S_c = √(r_c / max r)`: rows of the readers' weights differ less.
  case rootRange = "root-range"
  /// `S_c = e_c / max e`, `e_c` the root of the channel's mean square.
  case energy
  /// `S_c ∝ √(max|W_makers,c| / max|W_readers,c|)` (data-free quantization, Nagel et al. 2019).
  case weights

  /// Least factor; the largest is 1.
  static let least = 1.0 / 16
  /// Channels below this part of the largest are dead and stay as they are.
  static let dead = 1e-6

  /// The factors of a chain, `1/16 ... 1`; `nil` where they are all 1.
  ///
  /// - Parameter powerOfTwo: whether factors are rounded to powers of two, so that scales which are such
  ///   powers lose nothing.
  func factors(
    of chain: EqualizationChain, in graph: Graph, _ magnitudes: ChannelMagnitudes,
    powerOfTwo: Bool
  ) -> [Float]? {
    let ratios: [Double] =
      switch self {
      case .range: magnitudes.peaks
      case .rootRange: magnitudes.peaks.map { $0.squareRoot() }
      case .energy: magnitudes.energies
      case .weights: weightRatios(of: chain, in: graph)
      }
    let alive = ratios.indices.filter {
      ratios[$0].isFinite && ratios[$0] > 0 && magnitudes.peaks[$0] > Self.dead
    }
    let most = alive.map { ratios[$0] }.max() ?? 1
    var factors = [Float](repeating: 1, count: ratios.count)
    for c in alive {
      let factor = min(max(ratios[c] / most, Self.least), 1)
      factors[c] = Float(powerOfTwo ? exp2(log2(factor).rounded()) : factor)
    }
    return factors.contains { $0 != 1 } ? factors : nil
  }

  private func weightRatios(of chain: EqualizationChain, in graph: Graph) -> [Double] {
    func peaks(_ positions: [Int], byInput: Bool) -> [Double] {
      var result = [Double](repeating: 0, count: chain.channels)
      for position in positions {
        let node = graph.nodes[position]
        guard let weights = graph.constant(node.operands[1]),
          let order = ChannelOrder(node.op, weights: weights.shape)
        else { continue }
        let found = order.peaks(of: weights, channels: chain.channels, byInput: byInput)
        for (c, peak) in found.enumerated() { result[c] = max(result[c], Double(peak)) }
      }
      return result
    }
    return zip(peaks(chain.makers, byInput: false), peaks(chain.readers, byInput: true)).map {
      ($0 / $1).squareRoot()
    }
  }
}
