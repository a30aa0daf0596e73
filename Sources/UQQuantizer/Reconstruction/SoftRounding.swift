import Foundation
import UQNumerics

/// The integers of a layer as they are learned: each between two neighbours.
///
/// `q = base + h(v)` with the rectified sigmoid `h(v) = clip(1.2 · σ(v) − 0.1, 0, 1)`; a penalty
/// `1 − |2h − 1|^β` draws each to one of its neighbours as `β` falls (AdaRound, Nagel et al. 2020).
struct SoftRounding: Sendable {
  /// The lower neighbours.
  private(set) var bases: [Float]
  private var variables: [Float]
  private var mean: [Float]
  private var square: [Float]
  private var steps = 0

  private static let (stretch, offset): (Float, Float) = (1.2, -0.1)
  /// Where an integer starts between its neighbours, towards the one that was found before.
  private static let certainty: Float = 0.75

  /// Starts at integers `q` that were found; the other neighbour is the one on the side of the weights `wanted`,
  /// in units of the scale.
  init(_ q: [Int8], wanted: [Float], lowest: Int, highest: Int) {
    bases = q.map(Float.init)
    variables = bases
    let (low, high) = (Float(lowest), Float(highest))
    for i in bases.indices {
      let found = bases[i]
      let goesUp = (wanted[i] >= found && found < high) || found <= low
      bases[i] = goesUp ? found : found - 1
      let share = goesUp ? 1 - Self.certainty : Self.certainty
      variables[i] = -log(Self.stretch / (share - Self.offset) - 1)
    }
    mean = [Float](repeating: 0, count: bases.count)
    square = mean
  }

  /// The integers as they are now, between neighbours.
  var values: [Float] {
    zip(bases, variables).map { $0 + Self.share($1) }
  }

  /// The nearer neighbours.
  var integers: [Int8] {
    zip(bases, variables).map { Int8($0 + ($1 >= 0 ? 1 : 0)) }
  }

  /// A step of Adam along gradients at the integers and, weighed, along the penalty.
  mutating func descend(_ gradient: [Float], rate: Float, penalty: Float, exponent: Float) {
    steps += 1
    let correction = (1 - pow(0.999, Float(steps))).squareRoot() / (1 - pow(0.9, Float(steps)))
    gradient.withUnsafeBufferPointer { gradient in
      variables.withUnsafeMutableBufferPointer { variables in
        mean.withUnsafeMutableBufferPointer { mean in
          square.withUnsafeMutableBufferPointer { square in
            for i in variables.indices {
              let sigmoid = 1 / (1 + exp(-variables[i]))
              let h = Self.stretch * sigmoid + Self.offset
              let slope = h > 0 && h < 1 ? Self.stretch * sigmoid * (1 - sigmoid) : 0
              let centred = 2 * min(max(h, 0), 1) - 1
              let pull =
                penalty == 0 || centred == 0
                ? 0
                : -2 * exponent * pow(centred.magnitude, exponent - 1) * (centred < 0 ? -1 : 1)
              let g = (gradient[i] + penalty * pull) * slope
              mean[i] = 0.9 * mean[i] + 0.1 * g
              square[i] = 0.999 * square[i] + 0.001 * g * g
              variables[i] -= rate * correction * mean[i] / (square[i].squareRoot() + 1e-12)
            }
          }
        }
      }
    }
  }

  private static func share(_ v: Float) -> Float {
    min(max(stretch / (1 + exp(-v)) + offset, 0), 1)
  }
}
