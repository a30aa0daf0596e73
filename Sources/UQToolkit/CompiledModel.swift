import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQOperators
import UQPasses
import UQPlanner
import UQQuantizer
import UQSimulator
import UQSupport

/// What a quantized network is made with.
public struct CompileOptions: Sendable {
  /// Widths of the weights.
  public var width: WidthRequest
  /// Widths of single layers, which come before `width`; of several rules for a layer the last counts.
  public var layers: [LayerRule]
  /// Input channels that share a scale of the weights, in layers that have more of them and kernels for it;
  /// `nil` gives every output channel one scale.
  public var groupSize: Int?
  /// The chip whose widths and costs count; `nil` for any.
  public var target: Target?
  /// Bits of the activations: 16, 8, or 4 for all inner ones that kernels take so.
  public var activationBits: Int
  /// Bytes that the arena may take: activations become 4 bits wide where it would take more.
  ///
  /// Where not given, those of the budget of mixed widths.
  public var ram: Int?
  /// Bytes of flash that mixed widths must keep within, and layers with more bits than a uniform width asks for.
  ///
  /// Where not given, those of the budget of mixed widths.
  public var flash: Int?
  /// Instructions of an inference that these must keep within.
  public var instructions: Int?
  /// Whether activations keep their bits whatever ``ram`` says.
  public var keepsActivations = false
  /// Whether channels of activations are scaled where that lowers the output's error.
  public var equalizes = true
  /// Names of the values that have 4 bits, once they are chosen.
  var narrowValues: Set<String> = []
  /// How activation ranges are chosen.
  public var method: RangeMethod
  /// How accumulators are brought to the output's scale.
  public var rounding: Rounding
  /// Threads; results do not depend on them.
  public var threads: Int

  /// Creates options.
  public init(
    bits: Int = 8, layers: [LayerRule] = [], target: Target? = nil, activationBits: Int = 8,
    method: RangeMethod = .auto, rounding: Rounding = .single, threads: Int = 1
  ) {
    width = .uniform(bits)
    self.layers = layers
    self.target = target
    self.activationBits = activationBits
    self.method = method
    self.rounding = rounding
    self.threads = threads
  }
}

extension CompileOptions {
  /// Whether activations may have 4 bits.
  var mayNarrow: Bool {
    activationBits != 16
      && (activationBits == 4 || arenaBudget != nil || layers.contains { $0.activationBits != nil })
  }

  /// Bytes that the arena may take.
  var arenaBudget: Int? {
    if ram == nil, case .mixed(let budget) = width { return budget.ram }
    return ram
  }

  /// Chooses the activations that have 4 bits, where some may.
  ///
  /// - Throws: `layer.*`, `target.*`, and what planning and measuring throw.
  mutating func narrow(_ graph: Graph, _ calibration: Calibration) throws -> ActivationChoices? {
    guard mayNarrow else { return nil }
    let found = try ActivationWidths(graph, calibration: calibration.summary, options: self)
      .choose()
    narrowValues = found.narrowValues
    if found.isNarrow { try target?.check(activationBits: 4, rounding) }
    return found
  }

  /// Bits of the activations that are not chosen to have 4.
  var widestActivationBits: Int { activationBits == 16 ? 16 : 8 }
}

/// A network in integers: the program, where its memory lies, and what it was made from.
public struct CompiledModel: Sendable {
  /// The kernel calls.
  public var program: KernelProgram
  /// The arena.
  public var plan: ArenaPlan
  /// The integer graph.
  public var quantized: QuantizedGraph
  /// What it was made with.
  public var options: CompileOptions
  /// Format of the weights of every layer that was quantized.
  public var layerFormats: [String: WeightFormat] = [:]
  /// Bits that layers' weights were trained for, of those whose floats are a step times small integers.
  public var trainedBits: [String: Int] = [:]
  /// Why the layers have their bits, where they were chosen.
  public var choices: WidthChoices?
  /// Bits of the activations, where some were asked to have 4 or `--ram` was given.
  public var activations: ActivationChoices?

  /// The whole way from a float graph and its calibration to a planned program.
  ///
  /// - Throws: `quantize.*`, `lower.*`, `plan.*`, `layer.*`, `allocate.*`, `mixed.*`, `target.*`, with
  ///   every problem found.
  public init(_ graph: Graph, calibration: Calibration, options: CompileOptions) throws {
    let names = graph.weightedLayers.map(\.name)
    let given = try LayerRule.resolve(
      options.layers, names: names, groupSize: options.groupSize)
    try options.target?.check(activationBits: options.activationBits, options.rounding)
    try options.target?.check(given.values.sorted())
    try options.target?.check(groupSize: options.groupSize)
    if case .uniform(let bits) = options.width, given.count < names.count {
      try options.target?.check([WeightFormat(bits: bits)])
    }
    trainedBits = graph.trainedBits
    var options = options
    activations = try options.narrow(graph, calibration)
    let quantizer = try Self.quantizer(graph, calibration, options)
    try LayerRule.checkGroups(options.layers, names: names, quantizer)
    for (name, format) in given { layerFormats[name] = quantizer.format(format, ofLayer: name) }
    let mixed = MixedPrecision(
      graph: graph, calibration: calibration.summary, options: options, quantizer: quantizer,
      trainedBits: trainedBits)
    switch options.width {
    case .uniform(let bits):
      choices = try mixed.choose(nominal: bits, fixed: layerFormats)
      for layer in choices?.layers ?? [] { layerFormats[layer.name] = layer.format }
      let format = WeightFormat(bits: bits, groupSize: options.groupSize)
      for name in names where layerFormats[name] == nil {
        layerFormats[name] = quantizer.format(format, ofLayer: name)
      }
    case .mixed(let budget):
      let found = try mixed.choose(budget.within(options), fixed: layerFormats)
      for layer in found.layers { layerFormats[layer.name] = layer.format }
      choices = found
    }
    try options.target?.check(layerFormats.values.sorted())
    quantized = try quantizer.quantize(layerFormats: layerFormats)
    program = try CompiledModel.lower(quantized.graph, rounding: options.rounding)
    choices?.flashBytes = ProgramCost(program: program, target: options.target).flashBytes
    plan = try MemoryPlanner.plan(program)
    try PlanChecker.check(program, plan)
    self.options = options
    if let warning = unusedGroups(options, quantizer) { quantized.warnings.append(warning) }
  }

  /// The quantizer of a graph; its choice of activation ranges serves all widths.
  static func quantizer(_ graph: Graph, _ calibration: Calibration, _ options: CompileOptions)
    throws
    -> Quantizer
  {
    try Quantizer(
      graph, calibration: calibration.summary,
      options: QuantizationOptions(
        activationBits: options.widestActivationBits, narrowValues: options.narrowValues,
        method: options.method, powerOfTwoScales: options.rounding == .shift,
        equalizes: options.equalizes, threads: options.threads),
      evaluator: FloatEngine()
    ) {
      [threads = options.threads, digest = calibration.modelDigest] graph, prepared, samples, ids in
      try Calibrator(graph: graph, modelDigest: digest).statistics(
        of: ids, prepared, samples: samples, threads: threads)
    }
  }

  /// The float graph whose values the integers stand for: the model's, or one with scaled channels.
  func float(of graph: Graph) -> Graph {
    quantized.equalized.isEmpty ? graph : quantized.float
  }

  /// Says that no layer could have the groups that were asked for, where that is so.
  private func unusedGroups(_ options: CompileOptions, _ quantizer: Quantizer) -> Diagnostic? {
    guard let size = options.groupSize else { return nil }
    let isUsed = layerFormats.contains { name, format in
      let bits = options.width.isMixed ? 2 : format.bits
      return quantizer.format(WeightFormat(bits: bits, groupSize: size), ofLayer: name).groupSize
        != nil
    }
    return isUsed
      ? nil
      : Diagnostic(
        .warning, id: "groups.layers.none",
        "no layer has a scale for every \(size) input channels: those of 4, 3 or 2 bits have no more "
          + "channels, or no kernel for it; leave --group-size out")
  }

  /// How many activations were rounded to steps before, in training or by another tool, and how many of these
  /// have the same integers here; activations of 16 bits and shifts choose their own.
  public var trainedSteps: (count: Int, kept: Int) {
    let graph = quantized.graph
    let steps = graph.nodes.compactMap { node in
      (node.op as? RoundToStep).map { (op: $0, found: graph.type(of: node.result).quantization) }
    }
    return (steps.count, steps.count { $0.found == $0.op.quantization(bits: $0.found?.bits ?? 0) })
  }

  /// Bits of the weights of every layer that was quantized, whatever their scales.
  public var layerBits: [String: Int] { layerFormats.mapValues(\.bits) }

  /// Bits of a weight on average, factors of groups with it, over all layers that were quantized; `nil` where
  /// there is none.
  public var averageBits: Double? {
    var (bits, weights) = (0, 0)
    for node in quantized.graph.nodes {
      guard let format = layerFormats[node.name] else { continue }
      for (slot, operand) in node.spec.operands.enumerated() where slot < node.operands.count {
        guard case .weight = operand.role, let id = node.operands[slot],
          let constant = quantized.graph.constant(id)
        else { continue }
        bits += format.bits * constant.count
        if format.groupSize != nil {
          bits += 8 * (quantized.graph[id].type.quantization?.scales.count ?? 0)
        }
        weights += constant.count
      }
    }
    return weights > 0 ? Double(bits) / Double(weights) : nil
  }

  /// The way of a graph that is integer as written: its own arithmetic, no calibration.
  ///
  /// - Throws: `integer.*`, `lower.*`, `plan.*`, with every problem found.
  public init(integer graph: Graph, options: CompileOptions) throws {
    let compiled = try IntegerCompilation.compile(graph)
    quantized = QuantizedGraph(graph: compiled, dequantized: graph, warnings: [])
    program = try CompiledModel.lower(compiled, rounding: .single)
    plan = try MemoryPlanner.plan(program)
    try PlanChecker.check(program, plan)
    self.options = options
  }

  /// The program of a model: by its calibration, or as it is written where it is integer.
  ///
  /// - Throws: what reading the calibration and compiling throw.
  static func make(
    _ model: LoadedModel, calibrationPath: String, options: CompileOptions
  ) throws -> (compiled: CompiledModel, calibration: Calibration?) {
    if IntegerCompilation.applies(to: model.optimized) {
      return (try CompiledModel(integer: model.optimized, options: options), nil)
    }
    let calibration = try CalibrationStore.read(calibrationPath, model: model)
    return (
      try CompiledModel(model.optimized, calibration: calibration, options: options), calibration
    )
  }

  /// The kernel calls of an integer graph; activations of 4 bits are packed where all kernels take them so.
  static func lower(_ graph: Graph, rounding: Rounding) throws -> KernelProgram {
    let program = try lowering(graph, rounding: rounding) { _ in }
    return program.packing(
      program.packableBuffers().filter { program[$0].type?.quantization?.bits == 4 })
  }

  /// The kernel calls, activations of 4 bits as bytes; `observe` sees what was lowered.
  static func lowering(
    _ graph: Graph, rounding: Rounding, observe: (LoweringContext) -> Void
  ) throws -> KernelProgram {
    var context = LoweringContext(graph: graph, rounding: rounding)
    var problems: [Diagnostic] = []
    for node in graph.nodes {
      do { try context.lower(node) } catch { problems.append(error) }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    observe(context)
    return context.finish { from, to, byteCount in
      CopyKernel(rowBytes: byteCount, x: .buffer(from), y: to)
    }
  }
}
