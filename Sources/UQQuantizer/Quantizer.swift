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
  /// What the user should know: statistics missing for `auto`, correction not kept...
  public var warnings: [Diagnostic]

  /// Takes graphs that were made elsewhere.
  public init(graph: Graph, dequantized: Graph, warnings: [Diagnostic]) {
    self.graph = graph
    self.dequantized = dequantized
    self.warnings = warnings
  }
}

/// Turns a float graph and its calibration into an integer graph.
public struct Quantizer: Sendable {
  /// What is asked for.
  public var options: QuantizationOptions
  /// Computes the float graph on probe samples.
  public var evaluator: any GraphEvaluator

  /// Creates a quantizer.
  public init(options: QuantizationOptions, evaluator: any GraphEvaluator) {
    self.options = options
    self.evaluator = evaluator
  }

  /// Quantizes `graph`: activation ranges, then weights, then biases.
  ///
  /// - Throws: `quantize.*`, with every problem found.
  public func quantize(_ graph: Graph, calibration: CalibrationSummary) throws -> QuantizedGraph {
    try checkStatistics(graph, calibration)
    var warnings: [Diagnostic] = []
    let activations = ActivationQuantizer(graph: graph, calibration: calibration, options: options)
    let wide = activations.wideValues()
    let prepared = try evaluator.prepare(graph)
    let probes = probeSamples(calibration, graph)
    if probes.isEmpty {
      warnings.append(
        Diagnostic(
          .warning, id: "quantize.samples.missing",
          "the calibration keeps no samples: ranges fall back to min/max instead of auto and "
            + "biases stay uncorrected"))
    }
    let error =
      probes.isEmpty
      ? nil
      : try OutputError(
        graph: graph, prepared: prepared, samples: probes, threads: options.threads)

    var chosen: [ValueID: Quantization] = [:]
    if options.method == .auto, let error {
      chosen = try AutomaticRanges(
        activations: activations, prepared: prepared, error: error, wide: wide
      ).choose()
    } else {
      for id in activations.freeValues() {
        let range = try activations.range(of: id, by: options.method)
        chosen[id] = activations.quantization(for: range, of: id, wide: wide)
      }
    }
    activations.unifyShared(&chosen)

    var integer = graph
    activations.assign(chosen, to: &integer)
    let rounded = try roundWeights(graph, integer)
    var dequantized = rounded.dequantized
    if options.correctsBiases, let error {
      let everywhere = integer.activationQuantizations
      let corrected = try BiasCorrection(
        graph: graph, prepared: prepared, evaluator: evaluator, samples: probes,
        threads: options.threads
      ).apply(to: dequantized, activations: everywhere)
      let before = try error.measure(evaluator.prepare(dequantized), quantizing: everywhere)
      let after = try error.measure(evaluator.prepare(corrected), quantizing: everywhere)
      if after.mean < before.mean { dequantized = corrected }
    }
    try install(rounded.layers, from: dequantized, into: &integer)
    integer.compact()
    dequantized.compact()
    return QuantizedGraph(graph: integer, dequantized: dequantized, warnings: warnings)
  }

  private func checkStatistics(_ graph: Graph, _ calibration: CalibrationSummary) throws {
    let activations = ActivationQuantizer(graph: graph, calibration: calibration, options: options)
    var problems: [Diagnostic] = []
    for id in activations.freeValues() {
      do { _ = try activations.statistics(of: id) } catch { problems.append(error) }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// As many kept samples as `probeSamples` and a bound on the work of all trials allow.
  private func probeSamples(_ calibration: CalibrationSummary, _ graph: Graph) -> [[Tensor]] {
    let trials = max(1, graph.nodes.count * 6)
    let affordable = 300_000_000_000 / max(1, graph.macs * trials)
    return Array(calibration.samples.prefix(max(4, min(options.probeSamples, affordable))))
  }

  private struct RoundedLayer {
    var node: Int
    var weights: QuantizedWeights
  }

  private func roundWeights(_ graph: Graph, _ integer: Graph) throws -> (
    dequantized: Graph, layers: [RoundedLayer]
  ) {
    var dequantized = graph
    var layers: [RoundedLayer] = []
    var problems: [Diagnostic] = []
    for (position, node) in graph.nodes.enumerated() {
      guard let (slot, axis) = weightOperand(node),
        let weights = graph.constant(node.operands[slot]),
        weights.element == .float32
      else { continue }
      let place = SourcePlace(node: node.name, operatorName: node.spec.name)
      guard let input = node.operands[0], let scale = integer[input].type.quantization?.scale else {
        problems.append(
          Diagnostic(
            id: "quantize.input.unquantized", "the layer's input is not quantized", at: place))
        continue
      }
      let bias = graph.constant(biasOperand(node))?.floats
      guard weights.floats.allSatisfy(\.isFinite), bias?.allSatisfy(\.isFinite) ?? true else {
        problems.append(
          Diagnostic(
            id: "quantize.weights.nonfinite", "weights or bias are not finite", at: place))
        continue
      }
      // |bias integer| stays below 2^28, which leaves room for the folded zero point and the products.
      let floors = (0..<weights.shape[axis]).map { channel in
        Double((bias?[channel] ?? 0).magnitude) / (scale * 0x1p28)
      }
      let bits = options.layerBits[node.name] ?? options.weightBits
      let quantized = WeightQuantizer(bits: bits, powerOfTwo: options.powerOfTwoScales)
        .quantize(weights, axis: axis, floors: floors)
      layers.append(RoundedLayer(node: position, weights: quantized))
      let id = dequantized.appendConstant(
        quantized.dequantized, name: dequantized.uniqueValueName("\(node.name)/weights"))
      dequantized.nodes[position].operands[slot] = id
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return (dequantized, layers)
  }

  private func install(_ layers: [RoundedLayer], from dequantized: Graph, into integer: inout Graph)
    throws
  {
    for layer in layers {
      let node = integer.nodes[layer.node]
      guard let (slot, _) = weightOperand(node), let input = node.operands[0],
        let inputScale = integer[input].type.quantization?.scale
      else { continue }
      let weights = integer.append(
        Value(
          name: integer.uniqueValueName("\(node.name)/weights"),
          type: TensorType(
            .int8, layer.weights.integers.shape, quantization: layer.weights.quantization),
          constant: layer.weights.integers))
      integer.nodes[layer.node].operands[slot] = weights
      guard let bias = dequantized.constant(biasOperand(dequantized.nodes[layer.node]))?.floats
      else { continue }
      let scales = layer.weights.quantization.scales.map { $0 * inputScale }
      let integers = zip(bias, scales).map { value, scale in
        Int32(min(max((Double(value) / scale).rounded(), -0x1p30), 0x1p30))
      }
      let id = integer.append(
        Value(
          name: integer.uniqueValueName("\(node.name)/bias"),
          type: TensorType(
            .int32, [integers.count], quantization: Quantization(bits: 32, scales: scales, axis: 0)),
          constant: Tensor(integers, [integers.count])))
      if node.operands.count > slot + 1 {
        integer.nodes[layer.node].operands[slot + 1] = id
      } else {
        integer.nodes[layer.node].operands.append(id)
      }
    }
  }

  private func weightOperand(_ node: Node) -> (slot: Int, axis: Int)? {
    for (slot, operand) in node.spec.operands.enumerated() where slot < node.operands.count {
      if case .weight(let axis) = operand.role { return (slot, axis) }
    }
    return nil
  }

  private func biasOperand(_ node: Node) -> ValueID? {
    for (slot, operand) in node.spec.operands.enumerated() where slot < node.operands.count {
      if operand.role == .bias { return node.operands[slot] }
    }
    return nil
  }
}
