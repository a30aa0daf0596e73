import UQAllocation
import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSupport

/// Why each layer of a network of mixed widths got its bits.
public struct WidthChoices: Sendable {
  /// A layer's choice.
  public struct Layer: Sendable {
    /// Name of the layer.
    public var name: String
    /// Chosen format of the weights.
    public var format: WeightFormat
    /// Loss that the choice costs by itself.
    public var loss: Double
    /// Bytes of weights, with the factors of groups.
    public var weightBytes: Int
    /// Bytes of weights fewer than at the most bits.
    public var savedBytes: Int
    /// What could be chosen, by descending size; one option where the width was given.
    public var options: [AllocationReport.Option]

    /// Chosen bits.
    public var bits: Int { format.bits }

    /// Loss for each kilobyte saved; `nil` where nothing was saved.
    public var exchangeRate: Double? {
      savedBytes > 0 ? loss * 1024 / Double(savedBytes) : nil
    }
  }

  /// The layers in order.
  public var layers: [Layer]
  /// Sum of the layers' losses.
  public var loss: Double
  /// Share by which the sum may be above the least possible, exchanges aside.
  public var gap: Double
  /// Exchanges of options that lowered the loss of all layers together.
  public var exchanges = 0
  /// Bytes of all weights.
  public var weightBytes: Int
  /// Bytes of flash as foreseen.
  public var flashBytes: Int
  /// Loss of all layers together, activations quantized, on samples that their roundings did not see; `nil`
  /// where it was not measured.
  public var measured: Double?
}

extension WidthChoices {
  /// Takes an allocation apart.
  init(_ found: Allocation, of allocator: Allocator) {
    layers = zip(allocator.names.indices, found.options).map { index, option in
      let most = allocator.options[index].map(\.weightBytes).max() ?? 0
      return Layer(
        name: allocator.names[index], format: option.format, loss: option.loss,
        weightBytes: option.weightBytes, savedBytes: most - option.weightBytes,
        options: allocator.options[index].reversed().map {
          AllocationReport.Option(
            bits: $0.bits, groupSize: $0.groupSize, loss: $0.loss, weightBytes: $0.weightBytes)
        })
    }
    loss = found.loss
    gap = found.gap
    weightBytes = found.weightBytes
    flashBytes = found.flashBytes
  }
}

extension LayerOption {
  /// How the weights are stored.
  var format: WeightFormat { WeightFormat(bits: bits, groupSize: groupSize) }
}

/// Chooses a format of the weights for each layer: their bits, and whether groups of input channels have
/// scales.
struct MixedPrecision {
  let graph: Graph
  let calibration: CalibrationSummary
  var options: CompileOptions
  let quantizer: Quantizer
  /// Bits that layers' weights were trained for, of those on grids of few levels.
  let trainedBits: [String: Int]

  /// Widths that are tried.
  static let widths = [8, 4, 3, 2]
  /// Multiply-accumulates that measuring losses may take.
  static let sensitivityWork = 60_000_000_000

  /// The formats of widths, by descending size: with groups too where the network has a group size.
  func formats(_ widths: [Int]) -> [WeightFormat] {
    widths.flatMap { bits -> [WeightFormat] in
      let plain = WeightFormat(bits: bits)
      guard let size = options.groupSize, WeightFormat.groupedBits.contains(bits) else {
        return [plain]
      }
      return [WeightFormat(bits: bits, groupSize: size), plain]
    }
  }

  /// The choices within a budget; layers in `fixed` keep their format.
  ///
  /// - Parameters:
  ///   - wanted: formats to choose from; `nil` takes all that the target opens.
  ///   - known: sizes that need not be found again.
  ///   - work: multiply-accumulates that measuring losses may take.
  ///   - repairs: whether the allocation is tried against those near it.
  /// - Throws: `allocate.*`, `mixed.*`, `target.*`, and what quantizing throws.
  func choose(
    _ budget: MixedBudget, fixed: [String: WeightFormat], among wanted: [WeightFormat]? = nil,
    known: [WeightFormat: ProgramCost] = [:], work: Int = sensitivityWork, repairs: Bool = true
  ) throws -> WidthChoices {
    if budget.instructions != nil, options.target?.instructions == nil {
      throw Target.instructionsUnknown(options.target)
    }
    if budget.flash == nil, let counted = withCode {
      return try counted.choose(
        budget, fixed: fixed, among: wanted, known: known, work: work, repairs: repairs)
    }
    var open = open(wanted ?? formats(Self.widths))
    let costs = try costs(
      open + fixed.values + [WeightFormat(bits: budget.bytesOf ?? 4)], known: known)
    if budget.instructions != nil {
      // Kernels that were not measured would seem to take none.
      open.removeAll { $0.groupSize != nil && costs[$0]?.instructions == nil }
    }
    var limits = limits(budget, costs)
    if budget.flash == nil, let flash = unaskedFlash(budget, costs) {
      limits.flash = flash
      // Widths that were given may take more: nobody asked for this limit.
      if !(try keeps(limits, costs, open, fixed: fixed)) { limits.flash = nil }
    }
    try checkFeasible(limits, ram: budget.ram, costs, open, fixed: fixed)
    let losses = try losses(open, fixed, work)
    let allocator = try allocator(costs, open, fixed: fixed, losses: losses.alone)
    return try choices(
      solve(limits, by: allocator), within: repairs ? limits : nil, of: allocator, losses)
  }

  /// The allocation of least loss; layers that were trained for few bits have no more than these where that fits.
  private func solve(_ limits: Budget, by allocator: Allocator) throws -> Allocation {
    let trained = allocator.names.indices.filter { trainedBits[allocator.names[$0]] != nil }
    return try allocator.smallest(allocator.solve(limits), at: trained, within: limits)
  }

  /// An allocation measured, within `limits` repaired where the losses of its layers do not add up, and taken
  /// apart.
  private func choices(
    _ found: Allocation, within limits: Budget?, of allocator: Allocator, _ losses: WidthLosses
  ) throws -> WidthChoices {
    let repaired = try repair(found, within: limits, of: allocator, losses)
    var choices = WidthChoices(repaired.allocation, of: allocator)
    choices.gap = found.gap
    choices.exchanges = repaired.exchanges
    let mean = repaired.losses.reduce(0, +) / Double(repaired.losses.count)
    choices.measured = mean.isFinite ? mean : nil
    return choices
  }

  private func repair(
    _ found: Allocation, within limits: Budget?, of allocator: Allocator, _ losses: WidthLosses
  ) throws -> RepairedAllocation {
    let measure = { (options: [LayerOption]) in
      try losses.together(
        Dictionary(uniqueKeysWithValues: zip(allocator.names, options.map(\.format))))
    }
    guard let limits else {
      return RepairedAllocation(allocation: found, losses: try measure(found.options))
    }
    return try allocator.repair(found, within: limits, measure: measure)
  }

  /// The choices for budgets of weight bytes, evenly from the fewest to the most bits, each with the budget that
  /// makes it again.
  ///
  /// - Throws: as ``choose(_:fixed:)``.
  func evenly(_ count: Int, fixed: [String: WeightFormat]) throws -> [(
    weightBytes: Int, choices: WidthChoices
  )] {
    if options.flash == nil, let counted = withCode {
      return try counted.evenly(count, fixed: fixed)
    }
    let open = open(formats(Self.widths))
    let costs = try costs(open + fixed.values)
    let losses = try losses(open, fixed, Self.sensitivityWork)
    let allocator = try allocator(costs, open, fixed: fixed, losses: losses.alone)
    let sizes = [false, true].map { largest in
      allocator.options.reduce(allocator.fixed.weightBytes ?? 0) { sum, options in
        sum + ((largest ? options.last : options.first)?.weightBytes ?? 0)
      }
    }
    return try (0..<count).map { index in
      let bytes = sizes[0] + (sizes[1] - sizes[0]) * index / max(count - 1, 1)
      // A budget that is used up has one choice, however it was come by.
      var budget = Budget(weightBytes: bytes)
      if options.flash == nil {
        budget.flash = unaskedFlash(MixedBudget(weightBytes: bytes), costs)
      }
      if !(try keeps(budget, costs, open, fixed: fixed)) { budget.flash = nil }
      while true {
        let found = try solve(budget, by: allocator)
        if found.weightBytes == budget.weightBytes {
          return (
            found.weightBytes, try choices(found, within: budget, of: allocator, losses)
          )
        }
        budget.weightBytes = found.weightBytes
      }
    }
  }

  /// Those of `formats` that the target opens.
  private func open(_ formats: [WeightFormat]) -> [WeightFormat] {
    formats.filter { options.target?.weightBits.contains($0.bits) ?? true }
  }

  /// The formats among `open` that a layer can have, with those they were asked for as.
  func open(_ open: [WeightFormat], of name: String) -> [(wanted: WeightFormat, got: WeightFormat)]
  {
    var seen: Set<WeightFormat> = []
    return open.map { ($0, quantizer.format($0, ofLayer: name)) }.filter {
      seen.insert($0.1).inserted
    }
  }

  private func costs(
    _ formats: [WeightFormat], known: [WeightFormat: ProgramCost] = [:]
  ) throws -> [WeightFormat: ProgramCost] {
    var result = known
    for format in formats where result[format] == nil { result[format] = try cost(format) }
    return result
  }

  private func losses(_ open: [WeightFormat], _ fixed: [String: WeightFormat], _ work: Int) throws
    -> WidthLosses
  {
    var losses = try WidthLosses(
      quantizer, formats: open,
      of: Set(graph.weightedLayers.map(\.name)).subtracting(fixed.keys), work: work)
    for (name, bits) in trainedBits {
      // What was trained for these bits keeps its weights; what is measured is noise.
      for format in losses.alone[name, default: [:]].keys where format.bits >= bits {
        losses.alone[name]?[format] = 0
      }
    }
    return losses
  }

  /// - Parameter losses: by layer and format; layers in `fixed` lose nothing.
  func allocator(
    _ costs: [WeightFormat: ProgramCost], _ open: [WeightFormat], fixed: [String: WeightFormat],
    losses: [String: [WeightFormat: Double]]
  ) throws -> Allocator {
    guard let widest = open.first, let base = costs[widest] else {
      throw Diagnostic(
        id: "mixed.widths.none", "the target has kernels for none of 8, 4, 3 and 2 bits")
    }
    let names = graph.weightedLayers.map(\.name)
    let layers = names.map { name in
      LayerChoices(
        name: name,
        options: self.open(fixed[name].map { [$0] } ?? open, of: name).compactMap { wanted, got in
          costs[wanted].map { cost in
            var made = option(name, got, cost, fixed[name] == nil ? losses[name]?[got] : 0)
            // Calls with groups have two arguments more than those of the base.
            made.flashBytes += cost.argumentBytes(of: name) - base.argumentBytes(of: name)
            return made
          }
        })
    }
    let weighted = Set(names)
    let others = base.program.calls.filter { !weighted.contains($0.layer) }
    let anyway = others.reduce(into: Set<String>()) { $0.formUnion(base.code($1)) }
    let table = options.target?.code?.functions.mapValues(\.bytes) ?? [:]
    return try Allocator(
      layers, code: KernelCode(table.filter { !anyway.contains($0.key) }),
      fixed: Budget(
        flash: others.reduce(base.modelCodeBytes) { $0 + base.constantBytes($1) }
          + anyway.reduce(0) { $0 + (table[$1] ?? 0) },
        instructions: others.reduce(0) { $0 + base.instructions($1) },
        weightBytes: weightBytes(others, base.program)))
  }

  /// Bytes of the weights that calls read.
  private func weightBytes(_ calls: [KernelCall], _ program: KernelProgram) -> Int {
    Set(calls.flatMap(\.kernel.constants)).reduce(0) { sum, id in
      sum + (program[id].role.isWeights ? program[id].bytes.count : 0)
    }
  }

  /// Weights below which the code of further widths, 1 to 3 KB each, outweighs what the widths save.
  private static let smallNetwork = 16 << 10

  /// Weights of all layers.
  private var weightCount: Int {
    graph.weightedLayers.reduce(0) { sum, layer in
      sum + (graph.constant(graph.nodes[layer.position].operands[layer.slot])?.count ?? 0)
    }
  }

  /// The choices for one width that small layers may exceed.
  ///
  /// Below 8 bits the layers with at most a twentieth of the weights (the ends, depthwise convolutions) lose
  /// most and cost least: they may take more bits, up to 4 % of the bytes of 8-bit weights together and, the
  /// code of further widths included, a third of the flash that the width saves against 8 bits, within the flash
  /// and the instructions that the options allow. Networks of less than 16 KiB of weights take no more flash than
  /// with the next wider width everywhere, and stay uniform at 4 bits.
  ///
  /// Where the network has a group size, every width has it.
  ///
  /// - Returns: `nil` where all layers keep the width, as where that alone is beyond what is allowed.
  /// - Throws: as ``choose(_:fixed:among:work:)``.
  func choose(nominal bits: Int, fixed: [String: WeightFormat]) throws -> WidthChoices? {
    if options.flash == nil, let counted = withCode {
      return try counted.choose(nominal: bits, fixed: fixed)
    }
    let formats = (Self.widths.filter { $0 > bits } + [bits]).map { width in
      WeightFormat(
        bits: width,
        groupSize: WeightFormat.groupedBits.contains(width) ? options.groupSize : nil)
    }
    let nominal = formats.last ?? WeightFormat(bits: bits)
    let counts = graph.weightedLayers.map { layer in
      graph.constant(graph.nodes[layer.position].operands[layer.slot])?.count ?? 0
    }
    let total = weightCount
    var settled = fixed
    for (layer, count) in zip(graph.weightedLayers, counts)
    where settled[layer.name] == nil && count * 20 > total { settled[layer.name] = nominal }
    let pays = bits < 4 || bits < 8 && total >= Self.smallNetwork
    guard pays, !calibration.samples.isEmpty, settled.count < counts.count else { return nil }
    let free = graph.weightedLayers.map(\.name).filter { fixed[$0] == nil }
    var uniform = fixed
    for name in free { uniform[name] = nominal }
    let known = try costs(formats)
    var budget = MixedBudget(
      weightBytes: .max, flash: options.flash,
      instructions: options.target?.instructions == nil ? nil : options.instructions)
    do {
      let plain = try choose(
        budget, fixed: uniform, among: [nominal], known: known, repairs: false)
      budget.weightBytes = plain.weightBytes + total / 25
      if let widest = open(formats).first, let eight = known[widest]?.flashBytes,
        let uniform = known[nominal]?.flashBytes, options.target?.code != nil
      {
        var limit = plain.flashBytes + max(0, eight - uniform) / 3
        if total < Self.smallNetwork, let wider = known[formats[formats.count - 2]]?.flashBytes {
          limit = min(limit, plain.flashBytes + max(0, wider - uniform))
        }
        budget.flash = min(budget.flash ?? limit, limit)
      }
    } catch let error where BudgetRefusal.isOnly(error) {
      return nil
    }
    let found = try choose(
      budget, fixed: settled, among: formats, known: known,
      work: 5_000_000_000 * min(formats.count - 1, 2), repairs: false)
    let isUniform = found.layers.allSatisfy {
      $0.format == quantizer.format(uniform[$0.name] ?? nominal, ofLayer: $0.name)
    }
    return isUniform ? nil : found
  }

  /// The same with a Cortex-M4's code, for a target whose own is not known; `nil` for any other.
  private var withCode: MixedPrecision? {
    guard options.target?.code == nil else { return nil }
    var result = self
    result.options.target =
      options.target?.withCode ?? Target.all.first { $0.name == "generic" }?.withCode
    return result.options.target?.code == nil ? nil : result
  }

  private func limits(_ budget: MixedBudget, _ costs: [WeightFormat: ProgramCost]) -> Budget {
    var bytes = budget.weightBytes
    func limit(_ other: Int) { bytes = min(bytes ?? other, other) }
    if let average = budget.averageBits {
      limit(Int(Double(weightCount) * average / 8))
    }
    if let width = nominalWidth(budget), let uniform = costs[WeightFormat(bits: width)] {
      limit(uniform.program.weightBytes)
    }
    return Budget(
      flash: budget.flash, instructions: budget.instructions, weightBytes: bytes)
  }

  /// The uniform width whose weight bytes a budget is: 4 where nothing is given.
  private func nominalWidth(_ budget: MixedBudget) -> Int? {
    let isOpen =
      budget.weightBytes == nil && budget.averageBits == nil && budget.flash == nil
      && budget.instructions == nil
    return budget.bytesOf ?? (isOpen ? 4 : nil)
  }

  /// The flash of 8 bits; `nil` where code is not counted.
  ///
  /// The code of many widths can outweigh what they save. A small network whose budget is that of a uniform width
  /// gives back a third of what that saves.
  private func unaskedFlash(_ budget: MixedBudget, _ costs: [WeightFormat: ProgramCost]) -> Int? {
    guard options.target?.code != nil, let eight = costs[8]?.flashBytes else { return nil }
    guard weightCount < Self.smallNetwork, let width = nominalWidth(budget),
      let uniform = costs[WeightFormat(bits: width)]?.flashBytes
    else { return eight }
    return uniform + max(0, eight - uniform) / 3
  }

  /// Sizes do not depend on how weights are rounded: the network with all layers in one format, rounded
  /// plainly.
  private func cost(_ format: WeightFormat) throws -> ProgramCost {
    var summary = calibration
    summary.samples = []
    let quantized = try Quantizer(
      graph, calibration: summary,
      options: QuantizationOptions(
        weightBits: format.bits, groupSize: format.groupSize,
        activationBits: options.widestActivationBits, narrowValues: options.narrowValues,
        method: .minmax,
        powerOfTwoScales: options.rounding == .shift, correctsBiases: false, roundsFromData: false,
        threads: options.threads),
      evaluator: FloatEngine()
    ).quantize()
    return ProgramCost(
      program: try CompiledModel.lower(quantized.graph, rounding: options.rounding),
      target: options.target)
  }

  private func option(
    _ name: String, _ format: WeightFormat, _ cost: ProgramCost, _ loss: Double?
  ) -> LayerOption {
    let calls = cost.program.calls.filter { $0.layer == name }
    return LayerOption(
      bits: format.bits, groupSize: format.groupSize, loss: loss ?? .nan,
      weightBytes: weightBytes(calls, cost.program),
      flashBytes: calls.reduce(0) { $0 + cost.constantBytes($1) },
      instructions: calls.reduce(0) { $0 + cost.instructions($1) },
      code: calls.reduce(into: Set<String>()) { $0.formUnion(cost.code($1)) })
  }
}
