import UQGraph
import UQNumerics

/// How large the channels of activations are over samples.
struct ChannelMagnitudes: Sendable {
  /// For each channel the mean over the samples of the largest magnitude in a sample.
  var peaks: [Double]
  /// For each channel the root of the mean square.
  var energies: [Double]

  /// Measures the channels of chains, each relative to the largest of its value; of a chain's values the
  /// largest ratio counts.
  ///
  /// - Complexity: one run over the samples.
  static func measure(
    _ chains: [EqualizationChain], _ prepared: any PreparedGraph, _ samples: [[Tensor]],
    threads: Int
  ) throws -> [ChannelMagnitudes] {
    struct Slot: Sendable {
      var start: Int
      var channels: Int
    }
    var slots: [ValueID: Slot] = [:]
    var length = 0
    for chain in chains {
      for id in chain.values {
        slots[id] = Slot(start: length, channels: chain.channels)
        length += chain.channels
      }
    }
    struct State: Sendable {
      var peaks: [Float]
      var squares: [Double]
    }
    let (found, count) = (slots, length)
    let states = try prepared.run(
      samples, threads: threads,
      initial: { _ in
        State(
          peaks: [Float](repeating: 0, count: count), squares: [Double](repeating: 0, count: count))
      }
    ) { state, id, elements in
      guard let slot = found[id] else { return }
      let n = slot.channels
      let rows = elements.count / n
      state.peaks.withUnsafeMutableBufferPointer { peaks in
        state.squares.withUnsafeMutableBufferPointer { squares in
          for row in 0..<rows {
            for c in 0..<n {
              let x = elements[row * n + c].magnitude
              let at = slot.start + c
              peaks[at] = x > peaks[at] ? x : peaks[at]
              squares[at] += Double(x) * Double(x)
            }
          }
        }
      }
    }
    var peaks = [Double](repeating: 0, count: length)
    var squares = peaks
    // In the order of the samples: sums do not depend on the threads.
    for state in states {
      for i in 0..<length {
        peaks[i] += Double(state.peaks[i])
        squares[i] += state.squares[i]
      }
    }
    return chains.map { chain in
      var result = ChannelMagnitudes(
        peaks: [Double](repeating: 0, count: chain.channels),
        energies: [Double](repeating: 0, count: chain.channels))
      for id in chain.values {
        guard let slot = slots[id] else { continue }
        let range = slot.start..<slot.start + slot.channels
        for (c, ratio) in relative(Array(peaks[range])).enumerated() {
          result.peaks[c] = max(result.peaks[c], ratio)
        }
        for (c, ratio) in relative(squares[range].map { $0.squareRoot() }).enumerated() {
          result.energies[c] = max(result.energies[c], ratio)
        }
      }
      return result
    }
  }

  private static func relative(_ values: [Double]) -> [Double] {
    let most = values.max() ?? 0
    return values.map { most > 0 && most.isFinite && $0.isFinite ? $0 / most : 0 }
  }
}
