import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// A graph whose values are integers, with what is needed to explain it.
public struct QuantizedGraph: Sendable {
  /// The graph: `int8` weights and activations with their quantization, `int32` biases.
  public var graph: Graph
  /// The float graph with dequantized weights and corrected biases, for comparison.
  public var dequantized: Graph
  /// The float graph that was quantized: the given one, or one with channels scaled that computes the same.
  public var float: Graph
  /// The chains of layers whose channels were scaled.
  public var equalized: [EqualizedChain] = []
  /// What the user should know: statistics missing for `auto`, correction not kept...
  public var warnings: [Diagnostic]

  /// Takes graphs that were made elsewhere.
  public init(graph: Graph, dequantized: Graph, warnings: [Diagnostic]) {
    self.graph = graph
    self.dequantized = dequantized
    float = dequantized
    self.warnings = warnings
  }
}

/// Turns a float graph and its calibration into integer graphs.
///
/// The ranges of the activations are chosen once; weights can then be rounded at any widths.
public struct Quantizer: Sendable {
  /// What is asked for.
  public let options: QuantizationOptions
  /// What the user should know.
  public private(set) var warnings: [Diagnostic] = []
  let graph: Graph
  let evaluator: any GraphEvaluator
  let samples: [[Tensor]]
  /// The graph with quantized activations and float weights.
  let integer: Graph
  let layers: [WeightedLayer]
  /// `nil` where there are no samples.
  let error: OutputError?
  /// The chains of layers whose channels were scaled.
  let equalized: [EqualizedChain]

  /// Chooses the activation ranges of `graph`, and scales channels where that makes them fit better.
  ///
  /// - Parameter recalibrate: makes statistics of scaled activations; without it nothing is scaled.
  /// - Throws: `quantize.*`, with every problem found.
  public init(
    _ graph: Graph, calibration: CalibrationSummary, options: QuantizationOptions,
    evaluator: any GraphEvaluator, recalibrate: Recalibration? = nil
  ) throws {
    self.options = options
    self.evaluator = evaluator
    samples = calibration.samples
    var activations = ActivationQuantizer(graph: graph, calibration: calibration, options: options)
    try Quantizer.checkStatistics(activations)
    let wide = activations.wideValues()
    if samples.isEmpty {
      warnings.append(
        Diagnostic(
          .warning, id: "quantize.samples.missing",
          "the calibration keeps no samples: ranges fall back to min/max instead of auto, biases "
            + "stay uncorrected and weights are rounded to nearest; calibrate again with --keep"))
    }
    let prepared = try evaluator.prepare(graph)
    let probes = Quantizer.probeSamples(calibration, graph, options)
    error =
      probes.isEmpty
      ? nil
      : try OutputError(
        graph: graph, prepared: prepared, samples: probes, threads: options.threads)
    let values = activations.freeValues()
    let searches = options.method == .auto && error != nil
    var table = try RangeTable(
      activations, values, methods: searches ? AutomaticRanges.methods : [options.method],
      wide: wide)
    var rules: [ValueID: RangeRule] = [:]
    for id in values { rules[id] = RangeRule(method: options.method) }
    if searches, let error {
      rules = try AutomaticRanges(table: table, prepared: prepared, error: error).choose()
    }
    var scaled: Equalizer.Result?
    if options.equalizes, let error, let recalibrate {
      scaled = try Equalizer(
        graph: graph, calibration: calibration, options: options, evaluator: evaluator,
        error: error, wide: wide, recalibrate: recalibrate
      ).choose(table, rules)
    }
    if let scaled {
      (table, rules) = (scaled.table, scaled.rules)
      activations = ActivationQuantizer(
        graph: scaled.graph, calibration: scaled.calibration, options: options)
    }
    equalized = scaled?.chains ?? []
    self.graph = activations.graph
    var chosen = table.quantizations(by: rules)
    activations.unifyShared(&chosen)
    var integer = activations.graph
    activations.assign(chosen, to: &integer)
    self.integer = integer
    layers = try WeightedLayer.all(in: activations.graph, integer: integer)
  }

  /// The format of a layer's weights that the options ask for.
  func format(of layer: WeightedLayer) -> WeightFormat {
    WeightFormat(
      bits: options.layerBits[layer.name] ?? options.weightBits, groupSize: options.groupSize)
  }

  /// Quantizes as the options say: weights, then biases.
  ///
  /// - Throws: `engine.*`.
  public func quantize() throws -> QuantizedGraph { try quantize(layerFormats: [:]) }

  /// Quantizes with given formats by name; layers without one keep that of the options.
  ///
  /// - Throws: `engine.*`.
  public func quantize(layerFormats: [String: WeightFormat]) throws -> QuantizedGraph {
    try quantize(
      formats: Dictionary(
        uniqueKeysWithValues: layers.map {
          ($0.position, $0.groups.format(layerFormats[$0.name] ?? format(of: $0)))
        }))
  }

  /// The format that a layer gets where `format` is asked for: one scale for an output channel where there is
  /// no kernel with scales for groups, or one group would hold all channels.
  public func format(_ format: WeightFormat, ofLayer name: String) -> WeightFormat {
    layers.first { $0.name == name }?.groups.format(format) ?? format
  }

  /// Why a layer cannot have the groups of a format; `nil` where it can.
  public func obstacle(to format: WeightFormat, ofLayer name: String) -> String? {
    layers.first { $0.name == name }?.groups.obstacle(to: format)
  }

  /// Quantizes with a format for each layer by its position.
  ///
  /// Where all widths are 8 the weights are rounded to nearest, which costs no accuracy, and the biases
  /// corrected; below, and where activations of 4 bits leave an error to make up for, the roundings follow
  /// from the data.
  func quantize(formats: [Int: WeightFormat]) throws -> QuantizedGraph {
    let isEight = formats.values.allSatisfy { $0.bits == 8 } && options.narrowValues.isEmpty
    let rounded =
      error == nil || isEight || !options.roundsFromData
      ? try corrected(plain(formats)) : try fromData(formats)
    var integer = integer
    var dequantized = graph
    for (layer, rounded) in zip(layers, rounded) {
      dequantized.install(rounded, at: layer)
      install(rounded, at: layer, into: &integer)
    }
    integer.compact()
    dequantized.compact()
    var result = QuantizedGraph(graph: integer, dequantized: dequantized, warnings: warnings)
    result.float = graph
    result.equalized = equalized
    return result
  }

  private static func checkStatistics(_ activations: ActivationQuantizer) throws {
    var problems: [Diagnostic] = []
    for id in activations.freeValues() {
      do { _ = try activations.statistics(of: id) } catch { problems.append(error) }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// As many kept samples as `probeSamples` and a bound on the work of all trials allow.
  private static func probeSamples(
    _ calibration: CalibrationSummary, _ graph: Graph, _ options: QuantizationOptions
  ) -> [[Tensor]] {
    let trials = max(1, graph.nodes.count * 6)
    let affordable = 300_000_000_000 / max(1, graph.macs * trials)
    return Array(calibration.samples.prefix(max(4, min(options.probeSamples, affordable))))
  }

  func nearest(_ layer: WeightedLayer, _ format: WeightFormat) -> QuantizedWeights {
    let weights =
      graph.constant(graph.nodes[layer.position].operands[layer.slot])
      ?? Tensor(zeros: .float32, [0])
    let quantizer = WeightQuantizer(bits: format.bits, powerOfTwo: options.powerOfTwoScales)
    let floors = layer.floors(format)
    return format.groupSize.map { quantizer.quantize(weights, groupSize: $0, floors: floors) }
      ?? quantizer.quantize(weights, axis: layer.axis, floors: floors)
  }

  /// The layers with corrected biases where that lowers the output's error.
  private func corrected(_ layers: [RoundedLayer]) throws -> [RoundedLayer] {
    guard options.correctsBiases, let error else { return layers }
    var plain = graph
    for (layer, rounded) in zip(self.layers, layers) { plain.install(rounded, at: layer) }
    let activations = integer.activationQuantizations
    let corrected = try BiasCorrection(
      graph: graph, prepared: evaluator.prepare(graph), evaluator: evaluator,
      samples: error.samples, threads: options.threads
    ).apply(to: plain, activations: activations)
    let before = try error.measure(evaluator.prepare(plain), quantizing: activations)
    let after = try error.measure(evaluator.prepare(corrected), quantizing: activations)
    guard after.mean < before.mean else { return layers }
    return zip(self.layers, layers).map { layer, rounded in
      RoundedLayer(
        weights: rounded.weights,
        bias: corrected.constant(corrected.nodes[layer.position].biasOperand))
    }
  }

  private func plain(_ layer: WeightedLayer, _ formats: [Int: WeightFormat]) -> RoundedLayer {
    RoundedLayer(weights: nearest(layer, formats[layer.position] ?? 8), bias: nil)
  }

  private func plain(_ formats: [Int: WeightFormat]) throws -> [RoundedLayer] {
    try parallelMap(count: layers.count, threads: options.threads, context: { () }) { _, index in
      plain(layers[index], formats)
    }
  }

  /// Rounds layer by layer, to nearest where a layer cannot be measured.
  private func fromData(_ formats: [Int: WeightFormat]) throws -> [RoundedLayer] {
    let curvature = try OutputCurvature(
      graph, layers: layers, evaluator: evaluator, samples: samples, threads: options.threads)
    let rounding = DataAwareRounding(
      graph: graph, evaluator: evaluator, samples: samples,
      activations: integer.activationQuantizations, threads: options.threads,
      curvature: curvature)
    let reconstruction = BlockReconstruction(
      graph: graph, evaluator: evaluator, samples: samples,
      activations: integer.activationQuantizations, threads: options.threads)
    let blocks =
      options.powerOfTwoScales
      ? []
      : ReconstructionBlock.all(in: graph, layers: Set(layers.map(\.position)))
    var dequantized = graph
    var rounded: [RoundedLayer] = []
    for (index, layer) in layers.enumerated() {
      let format = formats[layer.position] ?? 8
      let nearby =
        try rounding.measure(layer, after: dequantized).flatMap {
          try rounding.round($0, format: format, powerOfTwo: options.powerOfTwoScales)
        } ?? plain(layer, formats)
      rounded.append(nearby)
      dequantized.install(nearby, at: layer)
      let next = index + 1 < layers.count ? layers[index + 1].position : graph.nodes.count
      for block in blocks
      where block.nodes.contains(layer.position) && next >= block.nodes.upperBound {
        guard let found = try reconstruction.reconstruct(block, layers, rounded, after: dequantized)
        else { continue }
        for (index, learned) in found.layers {
          rounded[index] = learned
          dequantized.install(learned, at: layers[index])
        }
      }
    }
    return try ScaleTuning(
      graph: graph, evaluator: evaluator, samples: samples,
      activations: integer.activationQuantizations, keepsScales: options.powerOfTwoScales,
      threads: options.threads
    ).tune(rounded, of: layers)
  }

  private func install(
    _ rounded: RoundedLayer, at layer: WeightedLayer, into integer: inout Graph
  ) {
    guard let input = graph.nodes[layer.position].operands[0],
      let inputScale = integer[input].type.quantization?.scale
    else { return }
    integer.nodes[layer.position].operands[layer.slot] = integer.append(
      Value(
        name: integer.uniqueValueName("\(layer.name)/weights"),
        type: TensorType(
          .int8, rounded.weights.integers.shape, quantization: rounded.weights.quantization),
        constant: rounded.weights.integers))
    guard let bias = rounded.bias?.floats ?? layer.bias else { return }
    let weights = rounded.weights.quantization
    let scales = weights.biasScales(channels: bias.count).map { $0 * inputScale }
    let integers = zip(bias, scales).map { value, scale in
      Int32(min(max((Double(value) / scale).rounded(), -weights.biasLimit), weights.biasLimit))
    }
    let id = integer.append(
      Value(
        name: integer.uniqueValueName("\(layer.name)/bias"),
        type: TensorType(
          .int32, [integers.count], quantization: Quantization(bits: 32, scales: scales, axis: 0)),
        constant: Tensor(integers, [integers.count])))
    if integer.nodes[layer.position].operands.count > layer.slot + 1 {
      integer.nodes[layer.position].operands[layer.slot + 1] = id
    } else {
      integer.nodes[layer.position].operands.append(id)
    }
  }
}
