import Foundation
import UQKernels
import UQNumerics
import UQQuantizer
import UQSupport
import Yams

/// How a network is quantized, as data: a file of Calibration/recipes, or the user's own.
///
/// The form is that of Schemas/recipe.schema.json.
public struct Recipe: Hashable, Sendable {
  /// Name as `--recipe` takes it.
  public var name: String
  /// One line for people.
  public var summary: String
  /// Widths of the weights.
  public var width: WidthRequest
  /// Input channels that share a scale of the weights.
  public var groupSize: Int?
  /// Widths of single layers.
  public var layers: [LayerRule] = []
  /// How activation ranges are chosen.
  public var method: RangeMethod?
  /// How accumulators are brought to the output's scale.
  public var rounding: Rounding?
  /// Bits of the activations.
  public var activationBits: Int?

  /// The recipes that come with the program, by name.
  public static let all: [Recipe] = RecipeFiles.files.compactMap { file in
    try? Recipe(text: file.text, path: file.name)
  }

  /// The recipe of a name, or in a file.
  ///
  /// - Throws: `recipe.name.unknown`, `recipe.file.unreadable`, `recipe.file.malformed`,
  ///   `recipe.entry.unknown`, `recipe.entry.invalid`.
  public static func named(_ name: String) throws -> Recipe {
    if let found = all.first(where: { $0.name == name }) { return found }
    guard name.contains("/") || name.contains(".") else {
      throw Diagnostic(
        id: "recipe.name.unknown",
        "there is no recipe '\(name)'; known are \(all.map(\.name).joined(separator: ", ")), or name a file"
      )
    }
    guard let data = FileManager.default.contents(atPath: name), data.count <= largest,
      let text = String(data: data, encoding: .utf8)
    else {
      throw Diagnostic(
        id: "recipe.file.unreadable", "cannot be read as a text of at most \(largest) bytes",
        at: SourcePlace(file: name))
    }
    return try Recipe(text: text, path: name)
  }

  private static let largest = 1 << 18
  private static let deepest = 8

  /// Reads a recipe.
  ///
  /// - Throws: `recipe.file.malformed`, `recipe.entry.unknown`, `recipe.entry.invalid`; all problems of the
  ///   entries at once.
  public init(text: String, path: String) throws {
    // Flow collections only, and few of them inside each other: the parser recurses.
    var depth = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") { depth += 1 }
      if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { depth -= 1 }
      if depth > Self.deepest { break }
    }
    let place = SourcePlace(file: path)
    guard text.first(where: { !$0.isWhitespace }) == "{", depth <= Self.deepest else {
      throw Diagnostic(id: "recipe.file.malformed", "is not a JSON object", at: place)
    }
    let node: Node
    do {
      guard let read = try Yams.compose(yaml: text) else {
        throw Diagnostic(id: "recipe.file.malformed", "is empty", at: place)
      }
      node = read
    } catch let error as YamlError {
      throw Self.malformed(error, place)
    }
    var reader = RecipeReader(path: path)
    self = reader.recipe(node, named: Self.stem(path))
    if !reader.problems.isEmpty { throw Diagnostics(reader.problems) }
  }

  init(name: String, width: WidthRequest) {
    self.name = name
    summary = ""
    self.width = width
  }

  private static func stem(_ path: String) -> String {
    URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
  }

  private static func malformed(_ error: YamlError, _ place: SourcePlace) -> Diagnostic {
    var place = place
    var reason = String("\(error)".split(whereSeparator: \.isNewline).first ?? "")
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      (reason, place.line, place.column) = (problem, mark.line, mark.column)
    default: break
    }
    return Diagnostic(id: "recipe.file.malformed", "is not JSON: \(reason)", at: place)
  }
}

/// Reads the entries of a recipe and collects what is wrong with them.
private struct RecipeReader {
  let path: String
  var problems: [Diagnostic] = []

  private func place(_ node: Node) -> SourcePlace {
    SourcePlace(file: path, line: node.mark?.line, column: node.mark?.column)
  }

  private mutating func invalid(_ node: Node, _ message: String) {
    problems.append(Diagnostic(id: "recipe.entry.invalid", message, at: place(node)))
  }

  private mutating func unknown(_ key: Node, _ known: [String]) {
    problems.append(
      Diagnostic(
        id: "recipe.entry.unknown",
        "there is no entry '\(key.string ?? "")' here; known are \(known.joined(separator: ", "))",
        at: place(key)))
  }

  mutating func recipe(_ node: Node, named name: String) -> Recipe {
    var recipe = Recipe(name: name, width: .uniform(8))
    guard let mapping = node.mapping else {
      invalid(node, "a recipe is an object")
      return recipe
    }
    var hasMixed = false
    var wantsMixed: Bool?
    for (key, value) in mapping {
      switch key.string {
      case "$schema": break
      case "name": recipe.name = text(value) ?? name
      case "description": recipe.summary = text(value) ?? ""
      case "bits":
        wantsMixed = value.string == "mixed"
        if wantsMixed != true, let bits = width(value) { recipe.width = .uniform(bits) }
      case "mixed":
        hasMixed = true
        recipe.width = .mixed(budget(value))
      case "groupSize":
        guard let size = value.int, WeightFormat.isGroupSize(size) else {
          invalid(value, "'groupSize' is a multiple of 8 up to 4096")
          continue
        }
        recipe.groupSize = size
      case "layers": recipe.layers = layers(value)
      case "method": recipe.method = choice(value, RangeMethod.init(rawValue:), "a method")
      case "rounding": recipe.rounding = choice(value, Rounding.init(rawValue:), "a rounding")
      case "activationBits":
        guard let bits = value.int, [16, 8, 4].contains(bits) else {
          invalid(value, "'activationBits' is 16, 8 or 4")
          continue
        }
        recipe.activationBits = bits
      default:
        unknown(
          key,
          [
            "name", "description", "bits", "mixed", "groupSize", "layers", "method", "rounding",
            "activationBits",
          ])
      }
    }
    if wantsMixed == true, !hasMixed { recipe.width = .mixed(MixedBudget()) }
    if wantsMixed == false, hasMixed {
      invalid(node, "'bits' of one width and 'mixed' exclude each other")
    }
    if wantsMixed == nil, !hasMixed { invalid(node, "neither 'bits' nor 'mixed' is given") }
    return recipe
  }

  private mutating func text(_ node: Node) -> String? {
    if let scalar = node.scalar { return scalar.string }
    invalid(node, "is a text")
    return nil
  }

  private mutating func width(_ node: Node) -> Int? {
    if let bits = node.int, WeightPacking.widths.contains(bits) { return bits }
    invalid(node, "bits are 8, 4, 3, 2 or 1")
    return nil
  }

  private mutating func choice<T>(_ node: Node, _ make: (String) -> T?, _ what: String) -> T? {
    if let made = node.string.flatMap(make) { return made }
    invalid(node, "'\(node.string ?? "")' is not \(what)")
    return nil
  }

  private mutating func layers(_ node: Node) -> [LayerRule] {
    guard let mapping = node.mapping else {
      invalid(node, "'layers' is an object of names or patterns and bits")
      return []
    }
    return mapping.compactMap { key, value in
      guard let pattern = key.string else { return nil }
      guard let widths = value.string.flatMap({ LayerRule.widths($0) }) else {
        invalid(value, "bits are 8, 4, 3, 2 or 1, or such as 'w4g32', 'a4', 'w8a4'")
        return nil
      }
      return LayerRule(
        pattern, bits: widths.bits, groupSize: widths.groupSize,
        activationBits: widths.activationBits, place: place(key), isOptional: true)
    }
  }

  private mutating func budget(_ node: Node) -> MixedBudget {
    var result = MixedBudget()
    guard let mapping = node.mapping else {
      invalid(node, "'mixed' is an object of budgets")
      return result
    }
    for (key, value) in mapping {
      let bytes = value.string.flatMap { ByteSize.parse($0) }.flatMap { $0 > 0 ? $0 : nil }
      switch key.string {
      case "bytesOf": result.bytesOf = width(value)
      case "averageBits":
        guard let bits = value.float, (1...8).contains(bits) else {
          invalid(value, "'averageBits' lies in 1...8")
          continue
        }
        result.averageBits = bits
      case "weightBytes", "flash", "ram", "instructions":
        guard let bytes else {
          invalid(
            value, "'\(key.string ?? "")' is a number above 0, such as 65536, \"64K\", \"1M\"")
          continue
        }
        switch key.string {
        case "weightBytes": result.weightBytes = bytes
        case "flash": result.flash = bytes
        case "ram": result.ram = bytes
        default: result.instructions = bytes
        }
      default:
        unknown(key, ["bytesOf", "weightBytes", "averageBits", "flash", "ram", "instructions"])
      }
    }
    return result
  }
}
