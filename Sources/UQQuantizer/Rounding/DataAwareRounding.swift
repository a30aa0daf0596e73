import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Integers, scales and the bias of a rounded layer.
struct RoundedLayer: Sendable {
  /// The weights.
  var weights: QuantizedWeights
  /// The float bias that goes with them, `[O]`; `nil` keeps the layer's own.
  var bias: Tensor?
}

/// Rounds the weights of a network layer by layer so that each layer reproduces its float outputs from the
/// inputs that the quantized layers before it really give.
///
/// For every layer, in order: moments of the quantized inputs and the float outputs over the samples; target
/// weights `V = (H + λI)⁻¹ (C + λW)`; integers and a scale for each output channel (``LatticeRounding``);
/// and the bias that makes the means equal, `b + E[y] − Ŵ·E[x̂]`. Where the curvature of the outputs is known,
/// the channels are rounded together (``CoupledRounding``), and errors that all patches of a sample have in common
/// weigh more than those that average out (``MomentSums/moments(ofGroup:coherence:)``).
struct DataAwareRounding: Sendable {
  /// The float graph.
  let graph: Graph
  /// Runs graphs and multiplies matrices.
  let evaluator: any GraphEvaluator
  /// Samples to look at.
  let samples: [[Tensor]]
  /// Quantization of every activation.
  let activations: [ValueID: Quantization]
  /// Threads; results do not depend on them.
  let threads: Int
  /// How much the outputs mind errors of the layers; `nil` weighs all channels alike and alone.
  var curvature: OutputCurvature?

  private static let leastDamping = 0.06
  /// Share of the measured coherence that counts, of fewer than 64 samples less: they are few to know the
  /// covariance of their means by.
  private static let coherenceShare = 0.1
  /// Multiply-accumulates that the moments of one layer may cost.
  private static let work = 12_000_000_000
  /// Bytes of activations that are held at once.
  private static let memory = 512 << 20
  /// Longest patch whose covariance is formed; layers beyond keep plain rounding.
  private static let longestPatch = 4096

  /// What rounding a layer needs of the data, whatever the width.
  struct Measured: Sendable {
    fileprivate var layer: WeightedLayer
    fileprivate var layout: PatchLayout
    /// Float weights, `[groups, channels, depth]`.
    fileprivate var weights: [Float]
    fileprivate var moments: [LayerMoments]
    fileprivate var lattices: [LatticeRounding]
    /// Target weights of each group, `[depth, channels]`.
    fileprivate var targets: [[Double]]

    /// The float weights of one channel of all groups.
    fileprivate func weights(of channel: Int) -> [Double] {
      weights[channel * layout.depth..<(channel + 1) * layout.depth].map { Double($0) }
    }
  }

  /// Measures a layer's inputs and outputs.
  ///
  /// - Parameter quantized: the network with dequantized weights and corrected biases in the layers before;
  ///   without it the layer's inputs are those of the float network.
  /// - Returns: `nil` for operators whose weights are no matrix, patches beyond 4,096 elements, and inputs
  ///   whose covariance is not finite.
  /// - Complexity: `rows · depth²` for the moments, `depth³` for the factor.
  func measure(_ layer: WeightedLayer, after quantized: Graph? = nil) throws -> Measured? {
    let node = graph.nodes[layer.position]
    guard let input = node.operands[0], let weights = graph.constant(node.operands[layer.slot]),
      let layout = PatchLayout(
        node.op, input: graph.type(of: input).shape, weights: weights.shape),
      layout.depth <= Self.longestPatch, layout.rows > 0
    else { return nil }
    let arranged = layout.arrange(weights)
    let sums = try moments(layer.position, input, arranged, layout, quantized)
    let known = min(1, Double(samples.count) / 64)
    let coherence = Self.coherenceShare * known * (curvature?.coherence[layer.position] ?? 0)
    let groups = try parallelMap(count: layout.groups, threads: threads, context: { () }) {
      _, group -> (LayerMoments, LatticeRounding, [Double])? in
      let moments = sums.moments(ofGroup: group, coherence: coherence)
      let weights = Array(
        arranged[
          group * layout.channels * layout.depth..<(group + 1) * layout.channels * layout.depth])
      return DataAwareRounding.target(
        moments, weights, layout,
        damping: DataAwareRounding.damping(samples: samples.count, layout)
      ).map { (moments, $0.0, $0.1) }
    }
    let found = groups.compactMap { $0 }
    guard found.count == layout.groups else { return nil }
    return Measured(
      layer: layer, layout: layout, weights: arranged, moments: found.map(\.0),
      lattices: found.map(\.1), targets: found.map(\.2))
  }

  /// Rounds a measured layer; `nil` where the corrected bias is not finite.
  ///
  /// - Complexity: O(channels · starts · depth² + channels² · depth).
  func round(_ measured: Measured, format: WeightFormat, powerOfTwo: Bool) throws -> RoundedLayer? {
    let (layout, bits) = (measured.layout, format.bits)
    let template = Quantization(bits: bits, scales: [1])
    let floors = measured.layer.floors(format)
    let support = measured.layer.groups
    let groups = format.groupSize.map {
      ChannelGroups(taps: layout.depth / support.channels, channels: support.channels, size: $0)
    }
    let grids = (0..<layout.groups * layout.channels).map { index in
      LatticeRounding.Grid(
        lowest: bits == 8 ? -template.highest : template.lowest, highest: template.highest,
        isBinary: bits == 1, powerOfTwo: powerOfTwo, isSigned: !powerOfTwo && bits < 8,
        floor: floors[
          layout.outputChannel(group: index / layout.channels, channel: index % layout.channels)],
        step: WeightGrid.step(of: measured.weights(of: index), bits: bits))
    }
    let coupled = (0..<layout.groups).map { group in
      curvature?.matrix(of: measured.layer.position, group: group, of: layout).flatMap {
        CoupledRounding(measured.lattices[group], curvature: $0)
      }
    }
    if coupled.allSatisfy({ $0 != nil }) {
      let solutions = try parallelMap(count: layout.groups, threads: threads, context: { () }) {
        _, group in
        coupled[group]?.round(
          measured.targets[group],
          grids: Array(grids[group * layout.channels..<(group + 1) * layout.channels]),
          groups: groups) ?? []
      }
      return assemble(solutions.flatMap { $0 }, measured, format, groups)
    }
    let solutions = try parallelMap(count: grids.count, threads: threads, context: { () }) {
      _, index -> LatticeRounding.GroupSolution in
      let (group, channel) = (index / layout.channels, index % layout.channels)
      let target = (0..<layout.depth).map {
        measured.targets[group][$0 * layout.channels + channel]
      }
      return measured.lattices[group].round(target, in: groups, grid: grids[index])
    }
    return assemble(solutions, measured, format, groups)
  }

  private func assemble(
    _ solutions: [LatticeRounding.GroupSolution], _ measured: Measured, _ format: WeightFormat,
    _ groups: ChannelGroups?
  ) -> RoundedLayer? {
    let layout = measured.layout
    let node = graph.nodes[measured.layer.position]
    guard let shape = graph.constant(node.operands[measured.layer.slot])?.shape else { return nil }
    var integers = Tensor(zeros: .int8, shape)
    var real = Tensor(zeros: .float32, shape)
    let own = measured.layer.bias
    let groupCount = groups?.count ?? 1
    var scales = [Double](repeating: 1, count: solutions.count * groupCount)
    var bias = [Float](repeating: 0, count: solutions.count)
    integers.withMutableElements(Int8.self) { integers in
      real.withMutableElements(Float.self) { real in
        for (index, solution) in solutions.enumerated() {
          let (group, channel) = (index / layout.channels, index % layout.channels)
          let o = layout.outputChannel(group: group, channel: channel)
          let moments = measured.moments[group]
          var response = 0.0
          for (k, q) in solution.integers.enumerated() {
            let position = layout.weightIndex(group: group, channel: channel, element: k)
            let value = solution.scales[groups?.indices[k] ?? 0] * Double(q)
            integers[position] = q
            real[position] = Float(value)
            response += value * moments.inputMean[k]
          }
          for (g, scale) in solution.scales.enumerated() { scales[o * groupCount + g] = scale }
          bias[o] = Float(Double(own?[o] ?? 0) + moments.outputMean[channel] - response)
        }
      }
    }
    guard bias.allSatisfy(\.isFinite), scales.allSatisfy(\.isFinite) else { return nil }
    return RoundedLayer(
      weights: QuantizedWeights(
        integers: integers,
        quantization: Quantization(
          bits: format.bits, scales: scales, axis: measured.layer.axis,
          groupSize: format.groupSize),
        dequantized: real), bias: Tensor(bias, [bias.count]))
  }

  /// `λ` over the mean variance: 6 %, and for `n` < 32 samples of `r` patches of `d` elements `d / (n √r)` more,
  /// which falls to nothing at 64, since their covariance knows little of other data.
  ///
  /// Patches of one sample are alike, so that they count as the root of their number.
  static func damping(samples: Int, _ layout: PatchLayout) -> Double {
    let n = Double(max(samples, 1))
    let lack = min(1, max(0, 2 - n / 32)) * Double(layout.depth)
    return leastDamping + lack / (n * Double(layout.rows).squareRoot())
  }

  /// The damped covariance, factored, and the target weights `[depth, channels]`.
  private static func target(
    _ moments: LayerMoments, _ weights: [Float], _ layout: PatchLayout,
    damping: Double
  ) -> (LatticeRounding, [Double])? {
    let (depth, channels) = (layout.depth, layout.channels)
    var matrix = SymmetricMatrix(size: depth, elements: moments.covariance)
    var trace = 0.0
    for i in 0..<depth { trace += max(0, matrix.elements[i * depth + i]) }
    let lambda = trace > 0 ? trace / Double(depth) * damping : 1
    guard lambda.isFinite else { return nil }
    for i in 0..<depth { matrix.elements[i * depth + i] += lambda }
    guard let lattice = LatticeRounding(matrix) else { return nil }
    var right = moments.cross
    for k in 0..<depth {
      for o in 0..<channels { right[k * channels + o] += lambda * Double(weights[o * depth + k]) }
    }
    let target = lattice.solve(right, columns: channels)
    return target.allSatisfy(\.isFinite) ? (lattice, target) : nil
  }

  private func moments(
    _ position: Int, _ input: ValueID, _ weights: [Float], _ layout: PatchLayout,
    _ quantized: Graph?
  ) throws -> MomentSums {
    let elements = graph.type(of: input).shape.count
    let count = max(1, min(samples.count, Self.memory / max(1, 8 * elements)))
    let used = Array(samples.prefix(count))
    let x = try values(of: input, in: graph, before: position, used, quantizing: [:])
    let rounded =
      try quantized.map {
        try values(of: input, in: $0, before: position, used, quantizing: activations)
      } ?? x
    let perRow = layout.groups * layout.depth * (layout.depth + 2 * layout.channels)
    let affordable = max(1024, Self.work / max(1, perRow))
    let step = max(1, (count * layout.rows + affordable - 1) / affordable)
    let state = layout.groups * layout.depth * (layout.depth + layout.channels)
    let parts = max(1, min(count, 16, (128 << 20) / (8 * max(1, state))))
    let sums = try parallelMap(count: parts, threads: threads, context: { () }) { _, part in
      var sums = MomentSums(layout)
      try sums.add(
        part * count / parts..<(part + 1) * count / parts, x, rounded, weights: weights,
        step: step, evaluator)
      try sums.addMeans(
        part * count / parts..<(part + 1) * count / parts, x, rounded, weights: weights, evaluator)
      return sums
    }
    var total = sums[0]
    for other in sums.dropFirst() { total.merge(other) }
    return total
  }

  /// The elements of a value for each sample.
  private func values(
    of id: ValueID, in graph: Graph, before position: Int, _ samples: [[Tensor]],
    quantizing: [ValueID: Quantization]
  ) throws -> [[Float]] {
    var prefix = graph
    prefix.nodes.removeSubrange(position...)
    prefix.outputs = [id]
    prefix.outputNames = [graph[id].name]
    let prepared = try evaluator.prepare(prefix)
    return try prepared.run(samples, threads: threads, initial: { _ in [Float]() }) {
      state, value, elements in
      if let quantization = quantizing[value] { quantization.simulate(on: elements) }
      if value == id { state = Array(elements) }
    }
  }
}
