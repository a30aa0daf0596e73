import UQBoards
import UQCalibration
import UQKernels
import UQReport
import UQSupport

/// A variant that can be judged.
struct Candidate {
  /// The network in integers.
  var compiled: CompiledModel
  /// Its C, where that is what is run.
  var export: Export?
  /// The model, where it is another one than the comparison's.
  var other: OtherModel?
  /// Why its layers have their bits, where these were chosen.
  var allocation: AllocationReport?
}

/// Makes the variants of a comparison.
struct CandidateMaker {
  let task: CompareTask
  let model: LoadedModel
  let calibration: Calibration?

  /// Compiles a variant.
  ///
  /// - Throws: `compare.*`, and what compiling throws.
  func candidate(_ source: VariantSource) throws -> Candidate {
    switch source {
    case .export(let folder): return try export(folder)
    case .model(let path, _):
      let other = try OtherModel(path, task: task)
      let compiled = try other.compile(source.options(task.options))
      return Candidate(
        compiled: compiled, other: other, allocation: compiled.choices?.report)
    case .float, .width, .recipe:
      let compiled = try compile(source.options(task.options))
      return Candidate(compiled: compiled, allocation: compiled.choices?.report)
    }
  }

  /// Compiles a network of the frontier.
  ///
  /// - Throws: what compiling throws.
  func candidate(_ point: FrontierPoint) throws -> Candidate {
    var options = task.options
    options.width = .uniform(8)
    options.groupSize = nil
    options.layers =
      options.layers.filter { $0.activationBits != nil } + point.rules
    let compiled = try compile(options)
    var allocation = point.allocation
    // Choosing counted a Cortex-M4's code where the target's is not known.
    allocation.flashBytes =
      ProgramCost(program: compiled.program, target: options.target).flashBytes
    return Candidate(compiled: compiled, allocation: allocation)
  }

  /// The networks of the frontier.
  ///
  /// - Throws: `mixed.*`, `layer.*`, and what quantizing throws.
  func frontier() throws -> [FrontierPoint] {
    try task.frontier(model, try known())
  }

  private func compile(_ options: CompileOptions) throws -> CompiledModel {
    try CompiledModel(model.optimized, calibration: known(), options: options)
  }

  private func known() throws -> Calibration {
    guard let calibration else {
      throw Diagnostic(id: "compare.calibration.missing", "no calibration")
    }
    return calibration
  }

  /// The program that an export was generated from, with the export itself.
  private func export(_ folder: String) throws -> Candidate {
    let recipe = try ExportRecipe(folder: folder)
    guard recipe.modelDigest == model.digest.description, recipe.layouts.isDefault,
      recipe.disabledPasses.isEmpty
    else {
      throw Diagnostic(
        id: "compare.export.foreign",
        "was made from another model, or with other layouts or passes than this comparison",
        at: SourcePlace(file: folder))
    }
    return Candidate(
      compiled: try compile(recipe.options(threads: task.options.threads)),
      export: try Export(folder: folder), allocation: recipe.allocation)
  }
}

extension CompiledModel {
  /// Mean number of bits of the weights, to three places; of packed weights where the layers' are not known.
  var meanBits: Double {
    if let averageBits { return (averageBits * 1000).rounded() / 1000 }
    var (packed, count) = (0.0, 0.0)
    for constant in program.constants where constant.role.isWeights && constant.bits > 0 {
      packed += Double(constant.bytes.count * 8)
      guard constant.role == .weights else { continue }
      count += Double(constant.bytes.count * 8) / Double(constant.bits)
    }
    return count > 0 ? (packed / count * 1000).rounded() / 1000 : 8
  }
}
