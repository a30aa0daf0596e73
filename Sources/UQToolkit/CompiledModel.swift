import UQCalibration
import UQEngine
import UQGraph
import UQKernels
import UQNumerics
import UQPasses
import UQPlanner
import UQQuantizer
import UQSimulator
import UQSupport

/// What a quantized network is made with.
public struct CompileOptions: Sendable {
  /// Bits of the weights.
  public var bits: Int
  /// Bits of the activations: 8 or 16.
  public var activationBits: Int
  /// How activation ranges are chosen.
  public var method: RangeMethod
  /// How accumulators are brought to the output's scale.
  public var rounding: Rounding
  /// Threads; results do not depend on them.
  public var threads: Int

  /// Creates options.
  public init(
    bits: Int = 8, activationBits: Int = 8, method: RangeMethod = .auto, rounding: Rounding = .single, threads: Int = 1
  ) {
    self.bits = bits
    self.activationBits = activationBits
    self.method = method
    self.rounding = rounding
    self.threads = threads
  }
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

  /// The whole way from a float graph and its calibration to a planned program.
  ///
  /// - Throws: `quantize.*`, `lower.*`, `plan.*`, with every problem found.
  public init(_ graph: Graph, calibration: Calibration, options: CompileOptions) throws {
    let quantizer = try Quantizer(
      graph, calibration: calibration.summary,
      options: QuantizationOptions(
        weightBits: options.bits, activationBits: options.activationBits, method: options.method,
        powerOfTwoScales: options.rounding == .shift, threads: options.threads),
      evaluator: FloatEngine())
    quantized = try quantizer.quantize()
    program = try CompiledModel.lower(quantized.graph, rounding: options.rounding)
    plan = try MemoryPlanner.plan(program)
    try PlanChecker.check(program, plan)
    self.options = options
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

  private static func lower(_ graph: Graph, rounding: Rounding) throws -> KernelProgram {
    var context = LoweringContext(graph: graph, rounding: rounding)
    var problems: [Diagnostic] = []
    for node in graph.nodes {
      do { try context.lower(node) } catch { problems.append(error) }
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    return context.finish { from, to, byteCount in
      CopyKernel(rowBytes: byteCount, x: .buffer(from), y: to)
    }
  }
}
