import Foundation
import UQGraph
import UQNumerics
import UQSamples
import UQSupport

/// `uq run`: outputs of a model for given inputs.
public struct RunTask: Sendable {
  /// Where the model is.
  public var workspace: Workspace
  /// `[NAME=]FILE` for each input.
  public var inputs: [String]
  /// Folder to write.
  public var outputFolder: String
  /// Path of the calibration, for a quantized run.
  public var calibrationPath: String
  /// How to quantize; `nil` runs in float.
  public var quantized: CompileOptions?
  /// Threads; results do not depend on them.
  public var threads: Int

  /// Creates the task.
  public init(
    workspace: Workspace, inputs: [String], outputFolder: String, calibrationPath: String,
    quantized: CompileOptions?, threads: Int
  ) {
    self.workspace = workspace
    self.inputs = inputs
    self.outputFolder = outputFolder
    self.calibrationPath = calibrationPath
    self.quantized = quantized
    self.threads = threads
  }

  /// Runs and writes an `.npy` for each output.
  ///
  /// - Returns: path and shape of each file.
  /// - Throws: `run.input.*`, `engine.*`, `output.file.write`, and what quantizing throws.
  public func run() throws -> [(path: String, shape: Shape)] {
    let model = try LoadedModel(workspace)
    let files = try InputFiles(inputs, inputs: model.inputs)
    let samples = files.samples.map { sample in
      zip(sample, model.inputs).map { tensor, input in
        input.type.quantization == nil ? tensor : tensor.converted(for: input.type)
      }
    }
    let results: [[Tensor]]
    if let quantized {
      let (compiled, _) = try CompiledModel.make(
        model, calibrationPath: calibrationPath, options: quantized)
      results = try QuantizedRunner(compiled).outputs(of: samples, threads: threads)
    } else {
      results = try FloatRunner(model.optimized).outputs(of: samples, threads: threads)
    }
    var taken: Set<String> = []
    return try model.optimized.outputNames.enumerated().compactMap { index, name in
      guard let tensor = files.join(results.map { $0[index] }) else { return nil }
      let path = "\(outputFolder)/\(RunTask.fileName(name, taken: &taken)).npy"
      try NumPyFile.write(tensor, to: path)
      return (path, tensor.shape)
    }
  }

  /// The output's name with all but letters, digits, `.`, `_` and `-` replaced by `_`.
  private static func fileName(_ name: String, taken: inout Set<String>) -> String {
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    let clean = String(name.map { allowed.contains($0) ? $0 : "_" })
    var candidate = clean.isEmpty || clean.allSatisfy { $0 == "." } ? "output" : clean
    while !taken.insert(candidate).inserted { candidate += "_" }
    return candidate
  }
}
