import Foundation
import UQSupport

/// The part of `manifest.json` that compiling and measuring needs.
struct ExportManifest {
  /// A described input or output.
  struct Port {
    var name: String
    var type: String?
    var elements: Int?
  }

  var path: String
  var name: String?
  var target: String?
  var arenaBytes: Int?
  var inputs: [Port]
  var outputs: [Port]
  var layers: [ExportLayer]
  var files: [String]

  /// Reads the file.
  ///
  /// - Throws: `verify.export.missing`, `verify.export.damaged`.
  init(path: String) throws(Diagnostic) {
    func damaged(_ message: String) -> Diagnostic {
      Diagnostic(
        id: "verify.export.damaged", "\(message): export again", at: SourcePlace(file: path))
    }
    let text = try Export.readText(path)
    let json: Any
    do {
      json = try JSONSerialization.jsonObject(with: Data(text.utf8))
    } catch { throw damaged("this is no JSON document") }
    guard let object = json as? [String: Any] else { throw damaged("this is no JSON object") }
    func list(_ key: String) throws(Diagnostic) -> [[String: Any]] {
      guard let list = object[key] as? [[String: Any]] else {
        throw damaged("'\(key)' is no list of objects")
      }
      return list
    }
    func ports(_ key: String) throws(Diagnostic) -> [Port] {
      try list(key).enumerated().map { index, port in
        Port(
          name: port["name"] as? String ?? "\(key)[\(index)]", type: port["type"] as? String,
          elements: (port["shape"] as? [Int]).flatMap(Self.product))
      }
    }
    self.path = path
    name = object["name"] as? String
    target = object["target"] as? String
    arenaBytes = object["arena_bytes"] as? Int
    inputs = try ports("inputs")
    outputs = try ports("outputs")
    layers = try list("layers").enumerated().map { index, layer in
      ExportLayer(
        name: layer["name"] as? String ?? "layers[\(index)]",
        operatorName: layer["operator"] as? String ?? "", kernel: layer["kernel"] as? String)
    }
    files = (object["files"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
  }

  private static func product(_ shape: [Int]) -> Int? {
    var result = 1
    for extent in shape {
      let (next, overflow) = result.multipliedReportingOverflow(by: extent)
      if overflow || extent < 0 { return nil }
      result = next
    }
    return result
  }

  /// Where the header says something else.
  func disagreements(with header: ExportHeader, in folder: String) -> [Diagnostic] {
    var result: [Diagnostic] = []
    func compare(_ what: String, _ own: String?, _ other: String) {
      guard let own, own != other else { return }
      result.append(
        Diagnostic(
          id: "verify.export.mismatch",
          "\(what) is \(own) in the manifest and \(other) in the header: export again",
          at: SourcePlace(file: path)))
    }
    compare("the arena's size", arenaBytes.map(String.init), "\(header.arenaBytes)")
    for (kind, own, other) in [
      ("input", inputs, header.inputs), ("output", outputs, header.outputs),
    ] {
      compare("the number of \(kind)s", "\(own.count)", "\(other.count)")
      for (port, declared) in zip(own, other) {
        compare(
          "the number of elements of '\(port.name)'", port.elements.map(String.init),
          "\(declared.elements)")
        compare("the type of '\(port.name)'", port.type.map(Self.cType), declared.cType)
      }
    }
    return result
  }

  private static func cType(_ type: String) -> String {
    type == "bool" ? "uint8_t" : "\(type)_t"
  }
}
