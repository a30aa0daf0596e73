import UQGraph
import UQNumerics
import UQSupport

/// Second moments of one group of a layer: quantized inputs with themselves and with the float outputs.
struct LayerMoments: Sendable {
  /// Covariance of the quantized patches, `[depth, depth]`.
  var covariance: [Double]
  /// Covariance of the quantized patches with the float outputs before bias, `[depth, channels]`.
  var cross: [Double]
  /// Mean of the quantized patches.
  var inputMean: [Double]
  /// Mean of the float outputs before the bias.
  var outputMean: [Double]
}

/// Sums of products over rows of patches, for all groups of a layer.
///
/// Products run in float32 through the engine's matrix product and are added up in `Double`.
struct PatchSums: Sendable {
  /// Of quantized patches with themselves, `[groups, depth, depth]`.
  private(set) var squares: [Double]
  /// Of quantized patches with float outputs, `[groups, depth, channels]`.
  private(set) var cross: [Double]
  /// Of quantized patches, `[groups, depth]`.
  private(set) var inputs: [Double]
  /// Of float outputs, `[groups, channels]`.
  private(set) var outputs: [Double]
  /// Number of rows.
  private(set) var rows = 0
  private let layout: PatchLayout

  init(_ layout: PatchLayout) {
    self.layout = layout
    squares = [Double](repeating: 0, count: layout.groups * layout.depth * layout.depth)
    cross = [Double](repeating: 0, count: layout.groups * layout.depth * layout.channels)
    inputs = [Double](repeating: 0, count: layout.groups * layout.depth)
    outputs = [Double](repeating: 0, count: layout.groups * layout.channels)
  }

  /// Adds rows of patches of the float and of the quantized network, `[groups, rows, depth]`.
  ///
  /// - Parameter weights: float weights, `[groups, channels, depth]`.
  mutating func add(
    _ patches: [Float], quantized: [Float], rows count: Int, weights: [Float],
    _ evaluator: any GraphEvaluator
  ) throws {
    let (depth, channels) = (layout.depth, layout.channels)
    rows += count
    for group in 0..<layout.groups {
      var y = [Float](repeating: 0, count: count * channels)
      var gram = [Float](repeating: 0, count: depth * depth)
      var product = [Float](repeating: 0, count: depth * channels)
      try patches.withUnsafeBufferPointer { patches in
        try quantized.withUnsafeBufferPointer { quantized in
          try weights.withUnsafeBufferPointer { weights in
            guard let xf = patches.baseAddress?.advanced(by: group * count * depth),
              let xq = quantized.baseAddress?.advanced(by: group * count * depth),
              let w = weights.baseAddress?.advanced(by: group * channels * depth)
            else { return }
            try evaluator.accumulate(
              MatrixProductShape(m: count, n: channels, k: depth, transposesB: true), xf, w,
              into: &y)
            try evaluator.accumulate(
              MatrixProductShape(m: depth, n: depth, k: count, transposesA: true), xq, xq,
              into: &gram)
            try evaluator.accumulate(
              MatrixProductShape(m: depth, n: channels, k: count, transposesA: true), xq, y,
              into: &product)
            Self.addColumns(xq, count, depth, to: &inputs, at: group * depth)
            y.withUnsafeBufferPointer { y in
              if let y = y.baseAddress {
                Self.addColumns(y, count, channels, to: &outputs, at: group * channels)
              }
            }
          }
        }
      }
      Self.add(gram, to: &squares, at: group * depth * depth)
      Self.add(product, to: &cross, at: group * depth * channels)
    }
  }

  /// Adds the sums over other rows.
  mutating func merge(_ other: PatchSums) {
    for i in squares.indices { squares[i] += other.squares[i] }
    for i in cross.indices { cross[i] += other.cross[i] }
    for i in inputs.indices { inputs[i] += other.inputs[i] }
    for i in outputs.indices { outputs[i] += other.outputs[i] }
    rows += other.rows
  }

  /// The centred moments of a group.
  func moments(ofGroup group: Int) -> LayerMoments {
    let (depth, channels) = (layout.depth, layout.channels)
    let scale = 1 / Double(max(rows, 1))
    let x = inputs[group * depth..<(group + 1) * depth].map { $0 * scale }
    let y = outputs[group * channels..<(group + 1) * channels].map { $0 * scale }
    var covariance = [Double](repeating: 0, count: depth * depth)
    var crossed = [Double](repeating: 0, count: depth * channels)
    for i in 0..<depth {
      for j in 0..<depth {
        covariance[i * depth + j] =
          squares[(group * depth + i) * depth + j] * scale - x[i] * x[j]
      }
      for o in 0..<channels {
        crossed[i * channels + o] =
          cross[(group * depth + i) * channels + o] * scale - x[i] * y[o]
      }
    }
    return LayerMoments(
      covariance: covariance, cross: crossed, inputMean: x, outputMean: y)
  }

  private static func add(_ source: [Float], to target: inout [Double], at offset: Int) {
    source.withUnsafeBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        for i in source.indices { target[offset + i] += Double(source[i]) }
      }
    }
  }

  private static func addColumns(
    _ matrix: UnsafePointer<Float>, _ rows: Int, _ columns: Int, to target: inout [Double],
    at offset: Int
  ) {
    target.withUnsafeMutableBufferPointer { target in
      for row in 0..<rows {
        for c in 0..<columns { target[offset + c] += Double(matrix[row * columns + c]) }
      }
    }
  }
}

/// Sums over the patches of some samples, and over the mean patches of the samples.
struct MomentSums: Sendable {
  /// Over single patches.
  private(set) var patches: PatchSums
  /// Over the mean patch of each sample.
  private(set) var means: PatchSums
  private let layout: PatchLayout

  init(_ layout: PatchLayout) {
    self.layout = layout
    patches = PatchSums(layout)
    means = PatchSums(layout)
  }

  /// Adds the patches of samples: float inputs `x`, quantized ones `quantized`.
  ///
  /// - Parameters:
  ///   - weights: float weights, `[groups, channels, depth]`.
  ///   - step: distance of the patches looked at; each sample starts elsewhere.
  mutating func add(
    _ samples: Range<Int>, _ x: [[Float]], _ quantized: [[Float]], weights: [Float], step: Int,
    _ evaluator: any GraphEvaluator
  ) throws {
    let most = (layout.rows + step - 1) / step
    var floatPatches = [Float](repeating: 0, count: layout.groups * most * layout.depth)
    var quantizedPatches = floatPatches
    for sample in samples {
      let first = (sample * 7919) % step
      guard first < layout.rows else { continue }
      let count = layout.extract(x[sample], first: first, step: step, into: &floatPatches)
      _ = layout.extract(quantized[sample], first: first, step: step, into: &quantizedPatches)
      try patches.add(
        floatPatches, quantized: quantizedPatches, rows: count, weights: weights, evaluator)
    }
  }

  /// Adds the mean patches of samples: of float inputs `x`, of quantized ones `quantized`.
  mutating func addMeans(
    _ samples: Range<Int>, _ x: [[Float]], _ quantized: [[Float]], weights: [Float],
    _ evaluator: any GraphEvaluator
  ) throws {
    guard !samples.isEmpty else { return }
    // `[groups, samples, depth]`.
    func rows(_ inputs: [[Float]]) -> [Float] {
      let means = samples.map { layout.meanPatch(inputs[$0]) }
      return (0..<layout.groups).flatMap { group in
        means.flatMap { $0[group * layout.depth..<(group + 1) * layout.depth].map(Float.init) }
      }
    }
    try means.add(
      rows(x), quantized: rows(quantized), rows: samples.count, weights: weights, evaluator)
  }

  /// Adds the sums over other samples.
  mutating func merge(_ other: MomentSums) {
    patches.merge(other.patches)
    means.merge(other.means)
  }

  /// The centred moments of a group, errors of the patches of a sample adding up to a share.
  ///
  /// - Parameter coherence: share of the squared gradients that all patches of a sample have in common.
  func moments(ofGroup group: Int, coherence: Double) -> LayerMoments {
    var single = patches.moments(ofGroup: group)
    guard coherence > 0, layout.rows > 1 else { return single }
    let mean = means.moments(ofGroup: group)
    let common = coherence * Double(layout.rows)
    for i in single.covariance.indices {
      single.covariance[i] = (1 - coherence) * single.covariance[i] + common * mean.covariance[i]
    }
    for i in single.cross.indices {
      single.cross[i] = (1 - coherence) * single.cross[i] + common * mean.cross[i]
    }
    return single
  }
}
