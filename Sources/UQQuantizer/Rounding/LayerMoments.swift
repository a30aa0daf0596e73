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

/// Sums of products over the patches of some samples, for all groups of a layer.
///
/// Products run in float32 through the engine's matrix product over at most a few hundred rows at a time
/// and are added up in `Double`.
struct MomentSums: Sendable {
  private(set) var squares: [Double]
  private(set) var cross: [Double]
  private(set) var inputs: [Double]
  private(set) var outputs: [Double]
  private(set) var rows = 0
  /// The same sums over the mean patches of the samples.
  private(set) var meanSquares: [Double]
  private(set) var meanCross: [Double]
  private(set) var meanInputs: [Double]
  private(set) var meanOutputs: [Double]
  private(set) var samples = 0
  private let layout: PatchLayout

  init(_ layout: PatchLayout) {
    self.layout = layout
    squares = [Double](repeating: 0, count: layout.groups * layout.depth * layout.depth)
    cross = [Double](repeating: 0, count: layout.groups * layout.depth * layout.channels)
    inputs = [Double](repeating: 0, count: layout.groups * layout.depth)
    outputs = [Double](repeating: 0, count: layout.groups * layout.channels)
    meanSquares = squares
    meanCross = cross
    meanInputs = inputs
    meanOutputs = outputs
  }

  /// Adds the mean patches of samples: of float inputs `x`, of quantized ones `quantized`.
  ///
  /// - Parameter weights: float weights, `[groups, channels, depth]`.
  mutating func addMeans(
    _ samples: Range<Int>, _ x: [[Float]], _ quantized: [[Float]], weights: [Float],
    _ evaluator: any GraphEvaluator
  ) throws {
    let (depth, channels, groups) = (layout.depth, layout.channels, layout.groups)
    let count = samples.count
    guard count > 0 else { return }
    // `[groups, samples, depth]`.
    func means(_ inputs: [[Float]]) -> [Float] {
      var result = [Float](repeating: 0, count: groups * count * depth)
      for (row, sample) in samples.enumerated() {
        let mean = layout.meanPatch(inputs[sample])
        for group in 0..<groups {
          for k in 0..<depth {
            result[(group * count + row) * depth + k] = Float(mean[group * depth + k])
          }
        }
      }
      return result
    }
    let (mean, meanQuantized) = (means(x), means(quantized))
    for group in 0..<groups {
      var y = [Float](repeating: 0, count: count * channels)
      var gram = [Float](repeating: 0, count: depth * depth)
      var product = [Float](repeating: 0, count: depth * channels)
      try mean.withUnsafeBufferPointer { mean in
        try meanQuantized.withUnsafeBufferPointer { meanQuantized in
          try weights.withUnsafeBufferPointer { weights in
            guard let xf = mean.baseAddress?.advanced(by: group * count * depth),
              let xq = meanQuantized.baseAddress?.advanced(by: group * count * depth),
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
            MomentSums.addColumns(xq, count, depth, to: &meanInputs, at: group * depth)
            y.withUnsafeBufferPointer { y in
              if let y = y.baseAddress {
                MomentSums.addColumns(y, count, channels, to: &meanOutputs, at: group * channels)
              }
            }
          }
        }
      }
      MomentSums.add(gram, to: &meanSquares, at: group * depth * depth)
      MomentSums.add(product, to: &meanCross, at: group * depth * channels)
    }
    self.samples += count
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
    let (depth, channels, groups) = (layout.depth, layout.channels, layout.groups)
    let most = (layout.rows + step - 1) / step
    var floatPatches = [Float](repeating: 0, count: groups * most * depth)
    var patches = floatPatches
    var y = [Float](repeating: 0, count: most * channels)
    var gram = [Float](repeating: 0, count: depth * depth)
    var product = [Float](repeating: 0, count: depth * channels)
    for sample in samples {
      let first = (sample * 7919) % step
      guard first < layout.rows else { continue }
      let count = layout.extract(x[sample], first: first, step: step, into: &floatPatches)
      _ = layout.extract(quantized[sample], first: first, step: step, into: &patches)
      rows += count
      for group in 0..<groups {
        for i in 0..<count * channels { y[i] = 0 }
        for i in gram.indices { gram[i] = 0 }
        for i in product.indices { product[i] = 0 }
        try floatPatches.withUnsafeBufferPointer { floatPatches in
          try patches.withUnsafeBufferPointer { patches in
            try weights.withUnsafeBufferPointer { weights in
              guard let xf = floatPatches.baseAddress?.advanced(by: group * count * depth),
                let xq = patches.baseAddress?.advanced(by: group * count * depth),
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
              MomentSums.addColumns(xq, count, depth, to: &inputs, at: group * depth)
              y.withUnsafeBufferPointer { y in
                if let y = y.baseAddress {
                  MomentSums.addColumns(y, count, channels, to: &outputs, at: group * channels)
                }
              }
            }
          }
        }
        MomentSums.add(gram, to: &squares, at: group * depth * depth)
        MomentSums.add(product, to: &cross, at: group * depth * channels)
      }
    }
  }

  /// Adds the sums over other samples.
  mutating func merge(_ other: MomentSums) {
    for i in squares.indices { squares[i] += other.squares[i] }
    for i in cross.indices { cross[i] += other.cross[i] }
    for i in inputs.indices { inputs[i] += other.inputs[i] }
    for i in outputs.indices { outputs[i] += other.outputs[i] }
    rows += other.rows
    for i in meanSquares.indices { meanSquares[i] += other.meanSquares[i] }
    for i in meanCross.indices { meanCross[i] += other.meanCross[i] }
    for i in meanInputs.indices { meanInputs[i] += other.meanInputs[i] }
    for i in meanOutputs.indices { meanOutputs[i] += other.meanOutputs[i] }
    samples += other.samples
  }

  /// The centred moments of a group, errors of the patches of a sample adding up to a share.
  ///
  /// - Parameter coherence: share of the squared gradients that all patches of a sample have in common.
  func moments(ofGroup group: Int, coherence: Double) -> LayerMoments {
    var single = moments(
      ofGroup: group, squares, cross, inputs, outputs, count: rows)
    guard coherence > 0, layout.rows > 1 else { return single }
    let mean = moments(
      ofGroup: group, meanSquares, meanCross, meanInputs, meanOutputs, count: samples)
    let common = coherence * Double(layout.rows)
    for i in single.covariance.indices {
      single.covariance[i] = (1 - coherence) * single.covariance[i] + common * mean.covariance[i]
    }
    for i in single.cross.indices {
      single.cross[i] = (1 - coherence) * single.cross[i] + common * mean.cross[i]
    }
    return single
  }

  private func moments(
    ofGroup group: Int, _ squares: [Double], _ cross: [Double], _ inputs: [Double],
    _ outputs: [Double], count: Int
  ) -> LayerMoments {
    let (depth, channels) = (layout.depth, layout.channels)
    let scale = 1 / Double(max(count, 1))
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
