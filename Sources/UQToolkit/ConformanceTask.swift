import Foundation
import UQGraph
import UQNumerics
import UQOnnx
import UQSupport

/// `uq conformance`: runs ONNX backend tests, folders with a model and its expected outputs.
public struct ConformanceTask: Sendable {
  /// What became of a case.
  public enum Status: String, Sendable {
    case pass, fail, unsupported, error
  }

  /// A case and what became of it.
  public struct Case: Sendable {
    /// Name of its folder.
    public var name: String
    /// What became of it.
    public var status: Status
    /// Why it did not pass.
    public var reason: String
  }

  /// Folder with a sub-folder for each case.
  public var folder: String
  /// Relative tolerance.
  public var relative: Double
  /// Absolute tolerance.
  public var absolute: Double

  /// Creates the task.
  public init(folder: String, relative: Double = 1e-3, absolute: Double = 1e-7) {
    self.folder = folder
    self.relative = relative
    self.absolute = absolute
  }

  /// Runs the cases in order of their names.
  ///
  /// - Throws: `conformance.folder.missing`, `conformance.folder.empty`.
  public func run(threads: Int) throws -> [Case] {
    guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw Diagnostic(
        id: "conformance.folder.missing", "is not a readable folder", at: SourcePlace(file: folder))
    }
    let names = entries.filter { model(of: $0) != nil }.sorted()
    guard !names.isEmpty else {
      throw Diagnostic(
        id: "conformance.folder.empty", "holds no sub-folder with model.onnx or model.relay",
        at: SourcePlace(file: folder))
    }
    return try parallelMap(count: names.count, threads: threads, context: { () }) { _, index in
      runCase(names[index])
    }
  }

  private func model(of name: String) -> String? {
    ["model.onnx", "model.relay"].map { "\(folder)/\(name)/\($0)" }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  private func runCase(_ name: String) -> Case {
    guard let path = model(of: name) else {
      return Case(name: name, status: .error, reason: "no model")
    }
    let loaded: LoadedModel
    do {
      loaded = try LoadedModel(
        Workspace(model: path, folder: "\(folder)/\(name)"), keepsIntegers: true)
    } catch {
      let problems = diagnostics(of: error)
      let isUnsupported = problems.allSatisfy {
        $0.id.contains("unsupported") || $0.id.contains("unavailable")
          || $0.id.hasPrefix("import.")
      }
      return Case(
        name: name, status: isUnsupported ? .unsupported : .error,
        reason: problems.map(\.description).joined(separator: "; "))
    }
    do {
      let sets = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)")
        .filter { $0.hasPrefix("test_data_set_") }.sorted()
      guard !sets.isEmpty else { return Case(name: name, status: .error, reason: "no data sets") }
      for set in sets {
        if let difference = try compare(loaded, "\(folder)/\(name)/\(set)") {
          return Case(name: name, status: .fail, reason: "\(set): \(difference)")
        }
      }
      return Case(name: name, status: .pass, reason: "")
    } catch {
      return Case(
        name: name, status: .error,
        reason: diagnostics(of: error).map(\.description).joined(separator: "; "))
    }
  }

  private func compare(_ model: LoadedModel, _ set: String) throws -> String? {
    let inputs = try tensors(set, "input")
    guard inputs.count == model.inputs.count else {
      return "\(inputs.count) inputs for \(model.inputs.count)"
    }
    let outputs = try FloatRunner(model.optimized).outputs(of: [inputs], threads: 1)[0]
    let expected = try tensors(set, "output")
    guard expected.count == outputs.count else {
      return "\(outputs.count) outputs, \(expected.count) expected"
    }
    for (index, (actual, wanted)) in zip(outputs, expected).enumerated() {
      guard actual.shape == wanted.shape, actual.element == wanted.element else {
        return "output \(index) is \(actual.type), expected \(wanted.type)"
      }
      let a = actual.converted(to: .float64).elements(Double.self)
      let b = wanted.converted(to: .float64).elements(Double.self)
      for (position, (x, y)) in zip(a, b).enumerated() where !isClose(x, y) {
        return "output \(index), element \(position) is \(x), expected \(y)"
      }
    }
    return nil
  }

  private func isClose(_ x: Double, _ y: Double) -> Bool {
    x == y || (x.isNaN && y.isNaN) || (x - y).magnitude <= absolute + relative * y.magnitude
  }

  private func tensors(_ set: String, _ kind: String) throws -> [Tensor] {
    var result: [Tensor] = []
    while true {
      let path = "\(set)/\(kind)_\(result.count).pb"
      guard FileManager.default.fileExists(atPath: path) else { return result }
      result.append(try TensorProtoFile.read(path).tensor)
    }
  }
}
