import Foundation
import UQSupport

/// What a name among a comparison's variants stands for.
enum VariantSource {
  /// The float model.
  case float
  /// Widths: `8`, `mixed`, `mixed:40K`.
  case width(WidthRequest)
  /// A recipe by name or file.
  case recipe(Recipe, argument: String)
  /// A folder that `uq export` wrote.
  case export(folder: String)
  /// Another model of the same task, quantized as `how` says.
  indirect case model(path: String, how: VariantSource)

  /// The variant of a name.
  ///
  /// - Throws: `compare.variant.unknown`, and for recipes in files `recipe.*`.
  init(_ name: String) throws {
    if let known = try VariantSource.known(name) {
      self = known
    } else if FileManager.default.fileExists(atPath: "\(name)/manifest.json") {
      self = .export(folder: name)
    } else if let path = VariantSource.modelPath(name) {
      let how = name == path ? "8" : String(name.dropFirst(path.count + 1))
      guard let known = try VariantSource.known(how), !known.isFloat else {
        throw Diagnostic(
          id: "compare.variant.unknown",
          "'\(how)' is no way to quantize '\(path)'; known are 8, 4, 3, 2, 1, mixed, mixed:40K and recipes"
        )
      }
      self = .model(path: path, how: known)
    } else {
      throw Diagnostic(
        id: "compare.variant.unknown",
        "'\(name)' is no variant; known are float, 8, 4, 3, 2, 1, mixed, mixed:40K, recipes ("
          + Recipe.all.map(\.name).joined(separator: ", ")
          + " or a .json file), the folder of an export, and another model: other.onnx, other.onnx:4"
      )
    }
  }

  /// What needs no model.
  private static func known(_ name: String) throws -> VariantSource? {
    if name == "float" { return .float }
    if let width = WidthRequest(name) { return .width(width) }
    if let recipe = Recipe.all.first(where: { $0.name == name }) {
      return .recipe(recipe, argument: name)
    }
    return name.hasSuffix(".json") ? .recipe(try Recipe.named(name), argument: name) : nil
  }

  /// The file of a model at the beginning of a name, before a colon or the end.
  private static func modelPath(_ name: String) -> String? {
    var ends = name.indices.filter { name[$0] == ":" }
    ends.append(name.endIndex)
    return ends.map { String(name[..<$0]) }.first { path in
      var isFolder: ObjCBool = false
      return [".onnx", ".relay", ".tar"].contains(where: path.hasSuffix)
        && FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && !isFolder.boolValue
    }
  }

  /// Whether it is the float model.
  var isFloat: Bool {
    if case .float = self { true } else { false }
  }

  /// What tells finished variants of the same name apart; `nil` where what it is made from can change
  /// unseen, so that nothing is kept.
  var cacheTag: String? {
    switch self {
    case .float, .width: ""
    case .recipe(let recipe, _): " \(recipe)"
    case .export, .model: nil
    }
  }

  /// Flags of `uq export` that quantize so; `nil` for float and for exports.
  var flags: [String]? {
    switch self {
    case .float, .export: nil
    case .width(let width): ["--bits", width.name]
    case .recipe(_, let argument): ["--recipe", argument]
    case .model(_, let how): how.flags
    }
  }

  /// The options of a variant: what it says itself, else those of the comparison.
  func options(_ base: CompileOptions) -> CompileOptions {
    var options = base
    switch self {
    case .float, .export: break
    case .width(let width): options.width = width
    case .recipe(let recipe, _):
      options.width = recipe.width
      options.layers = recipe.layers + options.layers
      options.method = recipe.method ?? options.method
      options.rounding = recipe.rounding ?? options.rounding
      options.activationBits = recipe.activationBits ?? options.activationBits
      options.keepsActivations = options.keepsActivations || recipe.activationBits != nil
      options.groupSize = recipe.groupSize ?? options.groupSize
    case .model(_, let how): options = how.options(base)
    }
    return options
  }
}
