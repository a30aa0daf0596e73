import UQNumerics
import UQSupport

/// Gives every input a static shape.
///
/// A first dimension without a number is the batch and becomes 1, everywhere its symbol occurs;
/// other symbols need `--shape`, which settles them for all inputs.
struct InputShapes {
  private let shapes: [String: [Int]]
  private var symbols: [String: Int] = [:]

  init(_ inputs: [OnnxValueInfo], shapes: [String: [Int]]) {
    self.shapes = shapes
    for input in inputs {
      guard let given = shapes[input.name], let declared = input.dimensions,
        given.count == declared.count
      else { continue }
      for (dimension, extent) in zip(declared, given) {
        if case .symbol(let name) = dimension, symbols[name] == nil { symbols[name] = extent }
      }
    }
    for input in inputs where shapes[input.name] == nil {
      if case .symbol(let name)? = input.dimensions?.first, symbols[name] == nil {
        symbols[name] = 1
      }
    }
  }

  /// The extent of a dimension, as far as it is known.
  func extent(_ dimension: OnnxDimension, isFirst: Bool) -> Int? {
    switch dimension {
    case .fixed(let extent) where extent > 0: extent
    case .symbol(let name) where symbols[name] != nil: symbols[name]
    default: isFirst ? 1 : nil
    }
  }

  /// The static shape of an input.
  ///
  /// - Throws: `onnx.input.dynamic`, `onnx.input.shape` where the given shape contradicts the
  ///   declared one, `onnx.tensor.shape`.
  func shape(of input: OnnxValueInfo) throws(Diagnostic) -> Shape {
    if let given = shapes[input.name] {
      guard given.allSatisfy({ $0 > 0 }) else {
        throw Diagnostic(
          id: "onnx.input.shape",
          "the shape given for input '\(input.name)' is \(given), "
            + "extents must be positive")
      }
      if let declared = input.dimensions {
        let fits = zip(given, declared).allSatisfy { extent, dimension in
          if case .fixed(let fixed) = dimension, fixed > 0 { extent == fixed } else { true }
        }
        guard fits, given.count == declared.count else {
          throw Diagnostic(
            id: "onnx.input.shape",
            "the shape given for input '\(input.name)' is \(given), the "
              + "model declares \(describe(declared))")
        }
      }
      return try soundShape(given, of: "input '\(input.name)'")
    }
    guard let declared = input.dimensions else {
      throw Diagnostic(
        id: "onnx.input.dynamic",
        "input '\(input.name)' has no shape; give one with "
          + "--shape \(input.name)=1,...")
    }
    let extents = declared.enumerated().map { extent($1, isFirst: $0 == 0) }
    guard extents.allSatisfy({ $0 != nil }) else {
      let example = extents.map { $0.map(String.init) ?? "?" }.joined(separator: ",")
      throw Diagnostic(
        id: "onnx.input.dynamic",
        "input '\(input.name)' has the dynamic shape "
          + "\(describe(declared)); give a static one with --shape \(input.name)=\(example)")
    }
    return try soundShape(extents.compactMap { $0 }, of: "input '\(input.name)'")
  }
}

/// `[N, 3, ?, 32]`.
func describe(_ dimensions: [OnnxDimension]) -> String {
  let parts = dimensions.map { dimension in
    switch dimension {
    case .fixed(let extent): String(extent)
    case .symbol(let name): name
    case .unknown: "?"
    }
  }
  return "[" + parts.joined(separator: ", ") + "]"
}
