import Foundation
import UQGraph
import UQRelay
import UQSamples
import UQSupport
import Yams

/// What `uq.yaml` says; every entry is optional.
public struct WorkspaceConfiguration: Codable, Sendable {
  /// Path of the model, relative to the file.
  public var model: String?
  /// Name of the exported C: `uq_NAME_run`.
  public var name: String?
  /// Chip that C is generated for.
  public var target: String?
  /// Path of the calibration, relative to the file.
  public var calibration: String?
  /// How samples become inputs; overrides `dataset.json`.
  public var preprocess: Preprocessing?
  /// Shapes of inputs that the model leaves open.
  public var shapes: [String: [Int]]?
  /// Path of a Relay model's parameters, relative to the file.
  public var params: String?

  /// An empty configuration.
  public init() {}
}

/// A folder to work in: its `uq.yaml`, and the model that commands are about.
public struct Workspace: Sendable {
  /// Path of the model.
  public var modelPath: String
  /// What `uq.yaml` says, empty where there is none or where it is about another model.
  public var configuration: WorkspaceConfiguration
  /// Path of a Relay model's parameters; `nil` has them looked for beside the model.
  public var paramsPath: String?

  /// Finds the model: the one asked for, that of `uq.yaml`, or the only one in the folder.
  ///
  /// - Throws: `workspace.model.missing`, `workspace.model.none`, `workspace.model.several`,
  ///   `workspace.configuration.malformed`.
  public init(model: String?, params: String? = nil, folder: String = ".") throws(Diagnostic) {
    let file = URL(fileURLWithPath: folder).appendingPathComponent("uq.yaml").path
    let found = try Workspace.read(file)
    if let model {
      modelPath = model
      let same = found.model.map { Workspace.resolve($0, in: folder) == Workspace.resolve(model, in: ".") }
      configuration = same ?? true ? found : WorkspaceConfiguration()
    } else if let model = found.model {
      modelPath = folder == "." ? model : "\(folder)/\(model)"
      configuration = found
    } else {
      modelPath = try Workspace.onlyModel(in: folder)
      configuration = found
    }
    paramsPath =
      params ?? configuration.params.map { folder == "." ? $0 : "\(folder)/\($0)" }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: modelPath, isDirectory: &isFolder),
      !isFolder.boolValue
    else {
      throw Diagnostic(
        id: "workspace.model.missing", "there is no such model file",
        at: SourcePlace(file: modelPath))
    }
  }

  /// Whether the model is Relay text or a Model Library Format archive, by its name.
  public var isRelay: Bool { modelPath.hasSuffix(".relay") || modelPath.hasSuffix(".tar") }

  /// What the Relay importer is told.
  var relayOptions: RelayOptions {
    RelayOptions(shapes: configuration.shapes ?? [:], params: paramsPath)
  }

  /// Path of the calibration: the one asked for, that of `uq.yaml`, or `calibration.uqcal`.
  public func calibrationPath(_ flag: String?) -> String {
    flag ?? configuration.calibration ?? "calibration.uqcal"
  }

  /// Name for the exported C: the one asked for, that of `uq.yaml`, or one made from the model's file.
  ///
  /// - Throws: `workspace.name.invalid` for a name that is not `[a-z_][a-z0-9_]*`.
  public func exportName(_ flag: String?) throws(Diagnostic) -> String {
    if let wanted = flag ?? configuration.name {
      let isValid =
        wanted.first.map { $0 == "_" || ("a"..."z").contains($0) } ?? false
        && wanted.allSatisfy { $0 == "_" || ("a"..."z").contains($0) || ("0"..."9").contains($0) }
        && wanted.count <= 64
      guard isValid else {
        throw Diagnostic(
          id: "workspace.name.invalid",
          "'\(wanted)' cannot be a C name here; use lower-case letters, digits and underscores")
      }
      return wanted
    }
    let stem = URL(fileURLWithPath: modelPath).deletingPathExtension().lastPathComponent.lowercased()
    let letters = stem.map { ("a"..."z").contains($0) || ("0"..."9").contains($0) ? $0 : "_" }
    let name = String(letters.prefix(64))
    return name.first.map { ("a"..."z").contains($0) } ?? false ? name : "model_\(name)"
  }

  private static func onlyModel(in folder: String) throws(Diagnostic) -> String {
    let entries = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    let models = entries.filter { $0.hasSuffix(".onnx") || $0.hasSuffix(".relay") }
    if let only = models.first, models.count == 1 {
      return folder == "." ? only : "\(folder)/\(only)"
    }
    let shown = models.isEmpty ? entries : models
    let list = shown.prefix(8).joined(separator: ", ") + (shown.count > 8 ? ", ..." : "")
    if models.isEmpty {
      throw Diagnostic(
        id: "workspace.model.none",
        "no .onnx or .relay file here (found: \(list.isEmpty ? "nothing" : list)); name one with --model"
      )
    }
    throw Diagnostic(
      id: "workspace.model.several", "several models here (\(list)); choose one with --model")
  }

  private static func read(_ path: String) throws(Diagnostic) -> WorkspaceConfiguration {
    guard let data = FileManager.default.contents(atPath: path) else {
      return WorkspaceConfiguration()
    }
    guard data.count <= 1 << 20, let text = String(data: data, encoding: .utf8) else {
      throw Diagnostic(
        id: "workspace.configuration.malformed", "is not a text of reasonable size",
        at: SourcePlace(file: path))
    }
    if text.allSatisfy(\.isWhitespace) { return WorkspaceConfiguration() }
    do { return try YAMLDecoder().decode(WorkspaceConfiguration.self, from: text) } catch {
      throw Diagnostic(
        id: "workspace.configuration.malformed", "cannot be read: \(error)",
        at: SourcePlace(file: path))
    }
  }

  private static func resolve(_ path: String, in folder: String) -> String {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true))
      .standardizedFileURL.resolvingSymlinksInPath().path
  }
}
