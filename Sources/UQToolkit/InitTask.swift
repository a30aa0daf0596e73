import Foundation
import UQSupport
import Yams

/// `uq init`: a `uq.yaml` that says what the other commands need to know.
public struct InitTask: Sendable {
  /// Path of the model.
  public var model: String
  /// Chip.
  public var target: Target
  /// File to write.
  public var output: String
  /// Whether an existing file is replaced.
  public var replaces: Bool

  /// Creates the task.
  public init(model: String, target: Target, output: String, replaces: Bool) {
    self.model = model
    self.target = target
    self.output = output
    self.replaces = replaces
  }

  /// Reads the model, to be sure that it can be used, and writes the file.
  ///
  /// - Throws: `init.file.exists`, and what reading the model throws.
  public func run() throws {
    guard replaces || !FileManager.default.fileExists(atPath: output) else {
      throw Diagnostic(
        id: "init.file.exists", "exists already; --force replaces it", at: SourcePlace(file: output)
      )
    }
    let loaded = try LoadedModel(Workspace(model: model, folder: "/nonexistent"))
    let folder = URL(fileURLWithPath: output).deletingLastPathComponent()
    let path = try Yams.serialize(node: Node(relativePath(from: folder)))
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let inputs = loaded.inputs.map { "#   \($0.name): \($0.type)" }.joined(separator: "\n")
    let text = """
      # What uq needs to know about this network. Paths are relative to this file.
      model: \(path)
      target: \(target.name)
      calibration: calibration.uqcal

      # The model's inputs:
      \(inputs)
      #
      # How samples become inputs, y = (x * scale - mean) / std. A dataset.json beside the samples says it
      # too; what stands here counts more.
      # preprocess:
      #   color: rgb          # rgb, bgr or gray
      #   layout: NHWC        # NHWC or NCHW
      #   scale: 1.0
      #   mean: [0, 0, 0]
      #   std: [1, 1, 1]

      """
    try AtomicFile.write(Data(text.utf8), to: output)
  }

  private func relativePath(from folder: URL) -> String {
    let target = URL(fileURLWithPath: model).standardizedFileURL.path
    let base = folder.standardizedFileURL.path
    let prefix = base.hasSuffix("/") ? base : base + "/"
    if target.hasPrefix(prefix) { return String(target.dropFirst(prefix.count)) }
    return model.hasPrefix("/") ? model : target
  }
}
