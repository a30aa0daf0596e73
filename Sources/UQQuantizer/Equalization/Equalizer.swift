import UQGraph
import UQNumerics
import UQSupport

/// Makes the statistics of some values of a graph anew, from samples.
///
/// - Returns: statistics of the values that have any.
public typealias Recalibration =
  @Sendable (
    _ graph: Graph, _ prepared: any PreparedGraph, _ samples: [[Tensor]], _ values: Set<ValueID>
  ) throws -> [TensorStatistics]

/// A chain of layers whose channels were scaled.
public struct EqualizedChain: Sendable, Hashable {
  /// Names of the layers that make the scaled activations.
  public var layers: [String]
  /// Names of the layers that read them.
  public var readers: [String]
  /// How the factors follow from the network.
  public var rule: EqualizationRule
  /// What each channel was divided by.
  public var factors: [Float]
}

/// Chooses factors for the channels of activations, so that one scale for a whole tensor serves all of them.
///
/// Cross-layer equalization (Nagel et al. 2019, Meller et al. 2019) for the ranges of activations: weights
/// have a scale for each output channel anyway. The error is that of the network's output with activations
/// quantized and float weights. First the rule that does best for all chains together, if any; then, chain by
/// chain in graph order, one of the two best rules, or none, where that lowers the error by more than 2 % on
/// each half of the samples.
struct Equalizer {
  let graph: Graph
  let calibration: CalibrationSummary
  let options: QuantizationOptions
  let evaluator: any GraphEvaluator
  let error: OutputError
  let wide: Set<ValueID>
  let recalibrate: Recalibration
  let scaling: ChainScaling

  init(
    graph: Graph, calibration: CalibrationSummary, options: QuantizationOptions,
    evaluator: any GraphEvaluator, error: OutputError, wide: Set<ValueID>,
    recalibrate: @escaping Recalibration
  ) {
    self.graph = graph
    self.calibration = calibration
    self.options = options
    self.evaluator = evaluator
    self.error = error
    self.wide = wide
    self.recalibrate = recalibrate
    scaling = ChainScaling(graph)
  }

  /// Fewer samples than these cannot tell a gain from chance.
  static let fewestSamples = 8

  /// A network that was equalized.
  struct Result {
    var graph: Graph
    var calibration: CalibrationSummary
    /// Ranges of the network with its scaled values.
    var table: RangeTable
    var rules: [ValueID: RangeRule]
    var chains: [EqualizedChain]
  }

  /// The network that loses least; `nil` where none loses less than the one that there is.
  ///
  /// - Parameters:
  ///   - table: the ranges of the network as it is.
  ///   - rules: those that were chosen.
  /// - Throws: `engine.*`, and what recalibrating throws.
  /// - Complexity: about three runs over the samples for each chain.
  func choose(_ table: RangeTable, _ rules: [ValueID: RangeRule]) throws -> Result? {
    let chains = EqualizationChain.all(in: graph, statistics: calibration.tensors)
    guard !chains.isEmpty, error.samples.count >= Self.fewestSamples else { return nil }
    let search = EqualizationSearch(
      equalizer: self, chains: chains, candidates: try candidates(chains, table.methods),
      table: table, rules: rules)
    let chosen = try search.run()
    guard chosen.contains(where: { $0 != nil }) else { return nil }
    return try search.result(of: chosen)
  }

  /// Applies every rule to all chains: scaling one does not change the values of another.
  private func candidates(
    _ chains: [EqualizationChain], _ methods: [RangeMethod]
  ) throws -> [EqualizationCandidate] {
    let magnitudes = try ChannelMagnitudes.measure(
      chains, evaluator.prepare(graph), error.samples, threads: options.threads)
    let values = Set(chains.flatMap(\.values))
    return try EqualizationRule.allCases.map { rule in
      let factors = zip(chains, magnitudes).map {
        rule.factors(of: $0, in: graph, $1, powerOfTwo: options.powerOfTwoScales)
      }
      let scaled = scaling.apply(
        zip(chains, factors).compactMap { chain, factors in factors.map { (chain, $0) } })
      var summary = calibration
      let found = try recalibrate(scaled, evaluator.prepare(scaled), calibration.samples, values)
      for statistics in found { summary.tensors[statistics.name] = statistics }
      let activations = ActivationQuantizer(graph: scaled, calibration: summary, options: options)
      return EqualizationCandidate(
        rule: rule,
        factors: zip(chains, factors).map { chain, factors in
          factors.flatMap { keepsBounds(chain, $0, summary) ? $0 : nil }
        },
        table: try RangeTable(
          activations, activations.freeValues().filter(values.contains), methods: methods,
          wide: wide),
        statistics: summary.tensors)
    }
  }

  /// Whether nothing that the integers of a scaled chain can say lies beyond a bound that was taken away.
  private func keepsBounds(
    _ chain: EqualizationChain, _ factors: [Float], _ scaled: CalibrationSummary
  ) -> Bool {
    let most = factors.max() ?? 1
    return chain.relaxed.keys.allSatisfy { position in
      let node = graph.nodes[position]
      guard let bounds = node.op.resultBounds, let found = scaled.tensors[graph[node.result].name]
      else { return false }
      return found.maximum * most <= bounds.high && found.minimum * most >= bounds.low
    }
  }
}
