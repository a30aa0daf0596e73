import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQPlanner
import UQQuantizer
import UQSupport

/// Which activations of a network can have 4 bits, and which do.
///
/// What shares a quantization is chosen together. Sizes follow from the program of 8-bit activations, which
/// does not depend on how weights and ranges are chosen.
struct ActivationWidths {
  /// Activations that share a quantization.
  struct Candidate {
    /// The layer that makes the first of them.
    var layer: String
    var group: ActivationGroup
    var buffers: Set<BufferID>
    /// Why they stay as they are; `nil` where 4 bits are possible.
    var obstacle: String?
  }

  let graph: Graph
  let calibration: CalibrationSummary
  let options: CompileOptions
  let program: KernelProgram
  let candidates: [Candidate]

  /// Lowers the network with 8-bit activations and looks at what its kernels can do.
  ///
  /// - Throws: `quantize.*`, `lower.*`.
  init(_ graph: Graph, calibration: CalibrationSummary, options: CompileOptions) throws {
    self.graph = graph
    self.calibration = calibration
    self.options = options
    let (program, homes) = try Self.lowered(graph, calibration, options)
    self.program = program
    let packable = program.packableBuffers()
    let producers = graph.producers()
    candidates = graph.activationGroups.map { group in
      let buffers = Set(group.values.compactMap { homes[graph[$0].name] })
      let maker = group.values.first.flatMap { producers[$0.index] }
      let layer = maker.map { graph.nodes[$0].name } ?? group.values.first.map { graph[$0].name }
      return Candidate(
        layer: layer ?? "", group: group, buffers: buffers,
        obstacle: buffers.isSubset(of: packable) && !buffers.isEmpty
          ? nil : Self.obstacle(program, buffers))
    }
  }

  /// The program of 8-bit activations, and the buffer of each value by name.
  private static func lowered(
    _ graph: Graph, _ calibration: CalibrationSummary, _ options: CompileOptions
  ) throws -> (KernelProgram, [String: BufferID]) {
    var summary = calibration
    summary.samples = []
    let integer = try Quantizer(
      graph, calibration: summary,
      options: QuantizationOptions(
        method: .minmax, powerOfTwoScales: options.rounding == .shift, correctsBiases: false,
        roundsFromData: false, threads: options.threads),
      evaluator: FloatEngine()
    ).quantize().graph
    var homes: [String: BufferID] = [:]
    let program = try CompiledModel.lowering(integer, rounding: options.rounding) { context in
      for index in integer.values.indices {
        homes[integer.values[index].name] = context.home(of: ValueID(index))
      }
    }
    return (program, homes)
  }

  /// What keeps some of `buffers` from 4 bits.
  private static func obstacle(_ program: KernelProgram, _ buffers: Set<BufferID>) -> String {
    for id in buffers.sorted() {
      switch program[id].kind {
      case .input: return "an input of the network"
      case .output: return "an output of the network"
      case .activation where program[id].type?.element == .int16:
        return "kept wide for the accuracy of the outputs"
      case .activation, .scratch: break
      }
    }
    if let call = program.firstCallWithoutPacking(of: buffers) {
      return "'\(call.layer)' (\(call.operatorName)) has no kernel for it in 4 bits"
    }
    return "its memory is no activation of its own"
  }

  /// The candidates that rules fix, by position, and their bits.
  ///
  /// - Throws: `layer.name.unknown`, `layer.activation.closed`.
  func fixed() throws -> [Int: Int] {
    let positions = Dictionary(
      candidates.enumerated().flatMap { position, candidate in
        candidate.group.values.compactMap { graph.producers()[$0.index] }
          .map { (graph.nodes[$0].name, position) }
      }, uniquingKeysWith: { first, _ in first })
    let names = graph.nodes.map(\.name)
    let weighted = graph.weightedLayers.map(\.name)
    var result: [Int: Int] = [:]
    var problems: [Diagnostic] = []
    for rule in options.layers {
      guard let bits = rule.activationBits else { continue }
      let found = rule.matches(among: rule.pattern.hasPrefix("@") ? weighted : names)
      if found.isEmpty, !(rule.isOptional && rule.isPattern) {
        let close = LayerRule.closest(to: rule.pattern, among: names).joined(separator: ", ")
        problems.append(
          Diagnostic(
            id: "layer.name.unknown", "no layer is called '\(rule.pattern)'; close are \(close)",
            at: rule.place))
      }
      for name in found {
        let position = positions[name]
        let obstacle =
          position.map { candidates[$0].obstacle } ?? "its operator fixes its integers"
        if bits == 4, let obstacle {
          // A pattern means those that can.
          guard !rule.isPattern else { continue }
          problems.append(
            Diagnostic(
              id: "layer.activation.closed",
              "the output of '\(name)' cannot have 4 bits: \(obstacle)", at: rule.place))
        } else if let position {
          result[position] = bits
        }
      }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return result
  }

  /// The arena of the network with some candidates in 4 bits.
  func arena(_ chosen: Set<Int>) throws -> ArenaPlan { try MemoryPlanner.plan(packed(chosen)) }

  /// The program of the network with some candidates in 4 bits.
  func packed(_ chosen: Set<Int>) -> KernelProgram {
    program.packing(chosen.reduce(into: []) { $0.formUnion(candidates[$1].buffers) })
  }

  /// The widths that are asked for: those of rules, else the network's, else what `--ram` needs.
  ///
  /// - Throws: `layer.*`, and what planning and measuring throw.
  func choose() throws -> ActivationChoices {
    let fixed = try fixed()
    let open = candidates.indices.filter { candidates[$0].obstacle == nil && fixed[$0] == nil }
    var chosen = Set(fixed.filter { $0.value == 4 }.keys)
    var choices = ActivationChoices()
    if options.activationBits == 4 {
      chosen.formUnion(open)
    } else if let ram = options.arenaBudget, !options.keepsActivations,
      options.target?.activationBits.contains(4) ?? true
    {
      let search = ActivationSearch(widths: self, ram: ram, open: open)
      let found = try search.fit(from: chosen)
      (chosen, choices.losses) = (found.chosen, found.losses)
      choices.searched = ActivationChoices.Search(
        arenaOf8: found.before, arena: found.after, ram: ram)
    }
    for position in candidates.indices {
      let candidate = candidates[position]
      let bytes = candidate.buffers.reduce(0) { $0 + program[$1].byteCount }
      let isWide = candidate.buffers.contains { program[$0].type?.element == .int16 }
      choices.layers.append(
        ActivationChoices.Layer(
          name: candidate.layer, bits: chosen.contains(position) ? 4 : isWide ? 16 : 8,
          bytes: bytes, loss: choices.losses[position], isGiven: fixed[position] != nil,
          obstacle: candidate.obstacle))
    }
    choices.narrowValues = Set(
      chosen.flatMap { candidates[$0].group.values.map { graph[$0].name } })
    return choices
  }
}

/// The bits of the activations of a network, and why they have them.
public struct ActivationChoices: Sendable {
  /// Activations that share a quantization.
  public struct Layer: Sendable {
    /// The layer that makes them, or the input.
    public var name: String
    /// 4, 8 or 16.
    public var bits: Int
    /// Bytes of memory at 8 bits (or 16), added up where they lie in several places.
    public var bytes: Int
    /// Divergence of the network's output where they alone have 4 bits; `nil` where it was not measured.
    public var loss: Double?
    /// Whether a rule gave the bits.
    public var isGiven: Bool
    /// Why 4 bits are not possible; `nil` where they are.
    public var obstacle: String?
  }

  /// How a budget of RAM was met.
  public struct Search: Sendable {
    /// Bytes of the arena without what was chosen for the budget.
    public var arenaOf8: Int
    /// Bytes of the arena with it.
    public var arena: Int
    /// The budget.
    public var ram: Int
  }

  /// The activations in order.
  public var layers: [Layer] = []
  /// What `--ram` led to; `nil` where it chose nothing.
  public var searched: Search?
  /// Names of the values that have 4 bits.
  var narrowValues: Set<String> = []
  var losses: [Int: Double] = [:]

  /// Whether any has 4 bits.
  public var isNarrow: Bool { layers.contains { $0.bits == 4 } }
}
