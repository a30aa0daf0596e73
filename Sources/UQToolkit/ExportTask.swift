import Foundation
import UQCalibration
import UQCodegen
import UQGraph
import UQKernels
import UQNumerics
import UQQuantizer
import UQSimulator
import UQSupport

/// `uq export`: a model and its calibration become a folder of C.
public struct ExportTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// Path of the calibration.
  public var calibrationPath: String
  /// Name for the C: `uq_NAME_run`.
  public var name: String
  /// Chip.
  public var target: Target
  /// How the network is quantized.
  public var options: CompileOptions
  /// Layout of the C function's inputs and outputs where not the model's own.
  public var layouts: PortLayouts
  /// Passes not to run.
  public var disabledPasses: Set<String>
  /// Folder to write.
  public var output: String

  /// Creates the task.
  public init(
    workspace: Workspace, calibrationPath: String, name: String, target: Target,
    options: CompileOptions,
    layouts: PortLayouts = PortLayouts(), disabledPasses: Set<String> = [], output: String
  ) {
    self.workspace = workspace
    self.calibrationPath = calibrationPath
    self.name = name
    self.target = target
    self.options = options
    self.layouts = layouts
    self.disabledPasses = disabledPasses
    self.output = output
  }

  /// Inferences in `selftest.c`.
  private static let goldenCount = 3

  /// Compiles the model and writes the folder.
  ///
  /// - Throws: `export.budget.ram`, `export.budget.flash`, `export.budget.instructions`, and what importing, quantizing, planning and
  ///   generating throw.
  public func run() throws -> CompiledModel {
    let model = try LoadedModel(workspace, disabledPasses: disabledPasses, layouts: layouts)
    let (compiled, calibration) = try CompiledModel.make(
      model, calibrationPath: calibrationPath, options: options)
    try checkBudgets(compiled)
    let files = try CodeGenerator.generate(
      compiled.program, compiled.plan,
      CodegenOptions(
        name: name, toolVersion: toolVersion, modelDigest: model.digest.description,
        target: target.name, bits: options.width.name, rounding: options.rounding,
        goldens: try goldens(compiled, calibration, layouts: layouts),
        manifest: provenance(compiled)))
    try writeFolder(files)
    return compiled
  }

  /// Replaces an earlier export; whatever else is in the folder stays.
  private func writeFolder(_ files: [(name: String, data: Data)]) throws(Diagnostic) {
    let holdsExport = FileManager.default.fileExists(atPath: "\(output)/manifest.json")
    try AtomicFile.writeFolder(files, to: output) { name in
      holdsExport
        && (name == "manifest.json" || name == "selftest.c"
          || name.hasPrefix("uq_") && (name.hasSuffix(".c") || name.hasSuffix(".h")))
    }
  }

  /// What `uq verify` needs to make the same program again.
  private func provenance(_ compiled: CompiledModel) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("activation_bits", .integer(options.activationBits)),
      .init("narrow_layers", .array(narrowLayers(compiled).map { .string($0) })),
      .init("method", .string(options.method.rawValue)),
      .init("equalization", equalization(compiled)),
      .init("disabled_passes", .array(disabledPasses.sorted().map { .string($0) })),
      .init("input_layout", layouts.input.map { .string($0.rawValue) } ?? .null),
      .init("output_layout", layouts.output.map { .string($0.rawValue) } ?? .null),
    ]
    let cost = ProgramCost(program: compiled.program, target: target)
    if target.code != nil { members.append(.init("flash_bytes", .integer(cost.flashBytes))) }
    members.append(.init("instructions", cost.instructions.map { .integer($0) } ?? .null))
    let formats = compiled.layerFormats
    if options.width.isMixed || !options.layers.isEmpty || Set(formats.values).count > 1
      || formats.values.contains(where: { $0.groupSize != nil })
    {
      members.append(
        .init(
          "layer_bits",
          .object(formats.sorted { $0.key < $1.key }.map { .init($0.key, $0.value.json) })))
    }
    if let activations = compiled.activations {
      members.append(.init("activations", activations.json))
    }
    if let choices = compiled.choices { members.append(.init("allocation", choices.json)) }
    return members
  }

  /// The chains whose channels were scaled; `null` where that was switched off.
  private func equalization(_ compiled: CompiledModel) -> JSONValue {
    guard options.equalizes else { return .null }
    return .array(
      compiled.quantized.equalized.map { chain in
        [
          "layers": .array(chain.layers.map { .string($0) }),
          "readers": .array(chain.readers.map { .string($0) }),
          "rule": .string(chain.rule.rawValue),
          "least_factor": .number(Double(chain.factors.min() ?? 1)),
        ]
      })
  }

  /// Layers whose outputs have 4 bits.
  private func narrowLayers(_ compiled: CompiledModel) -> [String] {
    compiled.activations?.layers.filter { $0.bits == 4 }.map(\.name) ?? []
  }

  /// Every budget that is not kept is a problem of its own.
  private func checkBudgets(_ compiled: CompiledModel) throws(Diagnostics) {
    var problems: [Diagnostic] = []
    if let ram = options.ram, compiled.plan.byteCount > ram {
      problems.append(ArenaBudget.refusal(compiled.program, compiled.plan, ram: ram))
    }
    let cost = ProgramCost(program: compiled.program, target: target)
    if let instructions = options.instructions {
      let needed = cost.instructions
      if needed == nil { problems.append(Target.instructionsUnknown(target)) }
      if let needed, needed > instructions {
        problems.append(
          Diagnostic(
            id: "export.budget.instructions",
            "an inference takes about \(needed) instructions on \(target.name), the budget is "
              + "\(instructions): raise --instructions by \(needed - instructions)"))
      }
    }
    let bytes = cost.flashBytes
    if let flash = options.flash, bytes > flash {
      let isLeast = compiled.layerFormats.values.allSatisfy { $0.bits <= 2 }
      problems.append(
        Diagnostic(
          id: "export.budget.flash",
          (target.code == nil
            ? "weights and tables" : "weights, tables and code for \(target.name)")
            + " take \(bytes) bytes, the budget is \(flash): raise --flash by \(bytes - flash)"
            + (isLeast || options.width.isMixed
              ? "" : ", or use --bits mixed, which keeps to it where it can")))
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// Kept samples, or pseudo-random inputs where there are none, with the simulator's outputs.
  private func goldens(
    _ compiled: CompiledModel, _ calibration: Calibration?, layouts: PortLayouts
  ) throws -> [GoldenVector] {
    let simulator = try Simulator(compiled.program, compiled.plan)
    var generator = SeededGenerator(seed: 1)
    let samples = layouts.isDefault ? calibration?.summary.samples ?? [] : []
    let kept = samples.prefix(Self.goldenCount)
    return try (0..<Self.goldenCount).map { index in
      let inputs = try compiled.program.inputs.enumerated().map { position, port -> [UInt8] in
        if index < kept.count, position < kept[index].count {
          return try port.quantize(kept[index][position]).withUnsafeBytes { Array($0) }
        }
        return (0..<port.type.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
      }
      return GoldenVector(inputs: inputs, outputs: try simulator.run(bytes: inputs))
    }
  }
}

extension WeightFormat {
  /// A number of bits, or `"w4g32"`.
  var json: JSONValue { groupSize == nil ? .integer(bits) : .string(description) }

  /// The format behind a member of a document; `nil` for anything else.
  init?(json value: Any) {
    if let bits = value as? Int, [8, 4, 3, 2, 1].contains(bits) {
      self.init(bits: bits)
    } else if let text = value as? String, let format = WeightFormat(text) {
      self = format
    } else {
      return nil
    }
  }
}
