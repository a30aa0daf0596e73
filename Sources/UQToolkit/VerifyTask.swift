import Foundation
import UQBoards
import UQCalibration
import UQKernels
import UQNumerics
import UQQuantizer
import UQReport
import UQSamples
import UQSupport

/// `uq verify`: compiles exported C, runs it, and compares every output byte with the simulator.
public struct VerifyTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// Path of the calibration that the export was made from.
  public var calibrationPath: String
  /// Folder of the export.
  public var exportFolder: String
  /// Folder of samples to run besides pseudo-random inputs.
  public var data: String?
  /// Ways to compile and run.
  public var builds: [BuildConfiguration]
  /// Number of inputs for builds on this machine.
  public var inputCount: Int
  /// Threads; results do not depend on them.
  public var threads: Int
  /// Whether no progress is shown.
  public var isQuiet: Bool

  /// Creates the task.
  public init(
    workspace: Workspace, calibrationPath: String, exportFolder: String, data: String? = nil,
    builds: [BuildConfiguration], inputCount: Int = 1000, threads: Int, isQuiet: Bool
  ) {
    self.workspace = workspace
    self.calibrationPath = calibrationPath
    self.exportFolder = exportFolder
    self.data = data
    self.builds = builds
    self.inputCount = inputCount
    self.threads = threads
    self.isQuiet = isQuiet
  }

  /// Makes the program again as the manifest says, runs the simulator and every build, and compares.
  ///
  /// - Throws: `verify.model.mismatch`, `verify.manifest.*`, `verify.export.*`, `board.tool.missing`.
  public func run() throws -> VerificationResult {
    let export = try Export(folder: exportFolder)
    let recipe = try ExportRecipe(folder: exportFolder)
    let model = try LoadedModel(
      workspace, disabledPasses: recipe.disabledPasses, layouts: recipe.layouts)
    guard model.digest.description == recipe.modelDigest else {
      throw Diagnostic(
        id: "verify.model.mismatch",
        "the export was made from another model (\(recipe.modelDigest.prefix(12))...), this one is "
          + "\(model.digest.description.prefix(12))...", at: SourcePlace(file: exportFolder))
    }
    let (compiled, _) = try CompiledModel.make(
      model, calibrationPath: calibrationPath,
      options: recipe.options(threads: threads))
    let runner = QuantizedRunner(compiled)
    var inputs = try sampleInputs(model, runner)
    inputs += VerificationInputs.records(for: export, count: max(1, inputCount - inputs.count))
    let expected = try runner.outputBytes(of: inputs, threads: threads)
    let progress = Progress("verifying", total: builds.count, unit: "builds", silent: isQuiet)
    let result = try Verifier.verify(
      export: export, builds: builds, inputs: inputs, expected: expected
    ) { _ in progress.advance() }
    progress.finish()
    return result
  }

  private func sampleInputs(_ model: LoadedModel, _ runner: QuantizedRunner) throws -> [[UInt8]] {
    guard let data else { return [] }
    let samples = try SampleSet(
      data, model: model, preprocessing: workspace.configuration.preprocess)
    return try (0..<samples.count).compactMap { index in
      try samples.tensors(index).map { try runner.inputBytes(of: $0) }
    }
  }
}

/// How an export was made, as its manifest says.
struct ExportRecipe {
  let modelDigest: String
  /// Formats of layers that have others than `bits`.
  let layerFormats: [String: WeightFormat]
  let bits: Int
  /// Bits of the activations that do not have 4.
  let activationBits: Int
  /// Layers whose outputs have 4 bits.
  let narrowLayers: [String]
  let rounding: Rounding
  let method: RangeMethod
  let equalizes: Bool
  let disabledPasses: Set<String>
  let layouts: PortLayouts
  /// Why layers have their bits, where they were chosen.
  let allocation: AllocationReport?

  init(folder: String) throws(Diagnostic) {
    let path = "\(folder)/manifest.json"
    let place = SourcePlace(file: path)
    guard let data = FileManager.default.contents(atPath: path),
      let manifest = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
    else {
      throw Diagnostic(
        id: "verify.manifest.missing", "there is no readable manifest; run `uq export`", at: place)
    }
    guard let digest = manifest["model_sha256"] as? String,
      let layerFormats = Self.layerFormats(manifest["layer_bits"]),
      let bits = (manifest["bits"] as? Int) ?? (manifest["layer_bits"] == nil ? nil : 8),
      let rounding = (manifest["rounding"] as? String).flatMap(Rounding.init(rawValue:)),
      let method = (manifest["method"] as? String).flatMap(RangeMethod.init(rawValue:))
    else {
      throw Diagnostic(
        id: "verify.manifest.malformed",
        "does not say how the export was made; run `uq export` again", at: place)
    }
    modelDigest = digest
    self.bits = bits
    self.layerFormats = layerFormats
    allocation = (try? JSONDecoder().decode(Choices.self, from: data))?.allocation
    activationBits = max((manifest["activation_bits"] as? Int) ?? 8, 8)
    narrowLayers = (manifest["narrow_layers"] as? [String]) ?? []
    self.rounding = rounding
    self.method = method
    // Exports of versions that could not have no such entry.
    equalizes = manifest["equalization"] is [Any]
    disabledPasses = Set(manifest["disabled_passes"] as? [String] ?? [])
    layouts = PortLayouts(
      input: (manifest["input_layout"] as? String).flatMap(PortLayouts.Layout.init(rawValue:)),
      output: (manifest["output_layout"] as? String).flatMap(PortLayouts.Layout.init(rawValue:)))
  }

  private struct Choices: Decodable {
    var allocation: AllocationReport?
  }

  /// How to make the program again.
  func options(threads: Int) -> CompileOptions {
    var options = CompileOptions(
      bits: bits,
      layers: layerFormats.sorted { $0.key < $1.key }.map {
        LayerRule($0.key, bits: $0.value.bits, groupSize: $0.value.groupSize)
      }
        + narrowLayers.map { LayerRule($0, activationBits: 4) },
      activationBits: activationBits, method: method, rounding: rounding, threads: threads)
    options.equalizes = equalizes
    return options
  }

  /// The formats of an object; `nil` where one is none.
  private static func layerFormats(_ object: Any?) -> [String: WeightFormat]? {
    guard let object else { return [:] }
    guard let entries = object as? [String: Any] else { return nil }
    var result: [String: WeightFormat] = [:]
    for (name, value) in entries {
      guard let format = WeightFormat(json: value) else { return nil }
      result[name] = format
    }
    return result
  }
}
