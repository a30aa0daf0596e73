import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Activations that have one quantization, since their operators move numbers without changing them.
public struct ActivationGroup: Sendable, Hashable {
  /// The values in graph order; the first is the one whose range is chosen.
  public var values: [ValueID]
}

extension Graph {
  /// The float activations whose quantization is the quantizer's to choose, by what shares it.
  ///
  /// Reshapes, pools of maxima and their like have the quantization of their operand, concatenations that of
  /// their operands and their result together. Values that an operator or training fixes are in no group.
  ///
  /// - Complexity: O(values).
  public var activationGroups: [ActivationGroup] {
    var leader = Array(values.indices)
    var isFixed = [Bool](repeating: false, count: values.count)
    func find(_ index: Int) -> Int {
      var index = index
      while leader[index] != index { index = leader[index] }
      return index
    }
    func join(_ a: ValueID, _ b: ValueID) {
      let (a, b) = (find(a.index), find(b.index))
      leader[max(a, b)] = min(a, b)
      isFixed[min(a, b)] = isFixed[a] || isFixed[b]
    }
    let steps = trainedSteps
    for node in nodes {
      switch node.op.quantizationRule {
      case .requantize: break
      case .inherit(let operand):
        guard let source = node.operands[operand], constant(source) == nil else { continue }
        for id in node.results { join(source, id) }
      case .shared:
        for id in node.operands.compactMap({ $0 }) + node.results where constant(id) == nil {
          join(node.result, id)
        }
      case .fixed, .plain:
        for id in node.results where steps[id]?.op.bits != 4 { isFixed[find(id.index)] = true }
      }
    }
    for (id, step) in steps {
      // Steps that 4 bits hold may be stored so.
      if step.op.bits == 4 { join(step.result, id) } else { isFixed[find(id.index)] = true }
    }
    var positions: [Int: Int] = [:]
    var groups: [ActivationGroup] = []
    let activations = inputs + nodes.flatMap(\.results)
    for id in activations where self[id].type.element == .float32 {
      let leader = find(id.index)
      guard !isFixed[leader] else { continue }
      if let position = positions[leader] {
        groups[position].values.append(id)
      } else {
        positions[leader] = groups.count
        groups.append(ActivationGroup(values: [id]))
      }
    }
    return groups
  }
}

/// What storing activations in 4 bits costs at the network's output.
public struct ActivationTrials: Sendable {
  private let activations: ActivationQuantizer
  private let prepared: any PreparedGraph
  private let meter: OutputError

  private static let samples = 200
  private static let work = 30_000_000_000

  /// Prepares measuring.
  ///
  /// - Parameter groups: how many are going to be measured.
  /// - Returns: `nil` where the calibration keeps no samples.
  public init?(
    _ graph: Graph, calibration: CalibrationSummary, options: QuantizationOptions, groups: Int,
    evaluator: any GraphEvaluator
  ) throws {
    guard !calibration.samples.isEmpty else { return nil }
    var options = options
    options.narrowValues = Set(graph.values.map(\.name))
    activations = ActivationQuantizer(graph: graph, calibration: calibration, options: options)
    prepared = try evaluator.prepare(graph)
    let count = max(16, min(Self.samples, Self.work / max(1, graph.macs * max(1, groups))))
    meter = try OutputError(
      graph: graph, prepared: prepared, samples: Array(calibration.samples.prefix(count)),
      threads: options.threads)
  }

  /// The mean divergence of the outputs with one group in 4 bits and everything else in float.
  ///
  /// - Throws: `quantize.statistics.*`, `engine.*`.
  /// - Complexity: one run over at most 200 samples.
  public func loss(of group: ActivationGroup) throws -> Double {
    let free = Set(activations.freeValues())
    // What is joined has the widest operand's steps.
    let quantizations = try group.values.filter(free.contains).map { id in
      activations.quantization(for: try activations.range(of: id, by: .mse), of: id, wide: [])
    }
    guard let quantization = quantizations.max(by: { $0.scale < $1.scale }) else { return 0 }
    return try meter.measure(
      prepared,
      quantizing: Dictionary(
        group.values.map { ($0, quantization) }, uniquingKeysWith: { first, _ in first })
    ).mean
  }
}
