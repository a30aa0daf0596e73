import UQGraph
import UQNumerics
import UQSupport

extension ResizeNearest {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Upsample", 1...6) { node, builder throws(Diagnostic) in
        let scales = [
          1, 1, Double(try node.float("height_scale")), Double(try node.float("width_scale")),
        ]
        return try resized(node, &builder, scales: scales, .old)
      },
      .onnx("Upsample", 7...8) { node, builder throws(Diagnostic) in
        guard case .floats(let scales) = node.attributes["scales"] else {
          throw Diagnostic(
            id: "import.attribute.missing", "attribute 'scales' is not a list of numbers",
            at: node.place)
        }
        return try resized(node, &builder, scales: scales.map(Double.init), .old)
      },
      .onnx("Upsample", 9...1000) { node, builder throws(Diagnostic) in
        try resized(node, &builder, scales: try scales(node, builder, 1), .old)
      },
      .onnx("Resize", 10...10) { node, builder throws(Diagnostic) in
        try resized(node, &builder, scales: try scales(node, builder, 1), .old)
      },
      .onnx("Resize", 11...1000) { node, builder throws(Diagnostic) in
        let rule = NearestRule(
          coordinates: try node.string(
            "coordinate_transformation_mode", default: "half_pixel"),
          rounding: try node.string("nearest_mode", default: "round_prefer_floor"))
        return try resized(node, &builder, scales: try scales(node, builder, 2), rule)
      },
    ]
  }

  private static func scales(_ node: ForeignNode, _ builder: GraphBuilder, _ index: Int)
    throws(Diagnostic) -> [Double]?
  {
    guard let value = try builder.optionalConstant(node, index, "scales"), value.count > 0 else {
      return nil
    }
    guard value.element.isFloat, value.shape.rank == 1, value.count <= 64 else {
      throw Diagnostic(
        id: "import.operand.type", "operand \(index) (scales) is \(value.type)", at: node.place)
    }
    return value.converted(to: .float64).elements(Double.self)
  }

  private static func resized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, scales: [Double]?, _ rule: NearestRule
  ) throws(Diagnostic) -> [ValueID] {
    let operand = try node.operand(0, "X")
    let x = builder.shape(of: operand)
    let mode = try node.string("mode", default: "nearest")
    guard mode == "nearest" else {
      throw Diagnostic(
        id: "import.resize.mode", "mode is '\(mode)'; only 'nearest' is supported", at: node.place)
    }
    let axes = try node.axes(try node.ints("axes") ?? Array(0..<x.rank), rank: x.rank)
    var factors = x.map { _ in 1.0 }
    var extents = x.dimensions
    if let scales {
      guard scales.count == axes.count,
        scales.allSatisfy({ $0 > 0 && $0 <= 0x1p20 }), x.allSatisfy({ $0 <= 1 << 24 })
      else {
        throw Diagnostic(
          id: "import.resize.scales", "scales \(scales) do not fit axes \(axes) of \(x)",
          at: node.place)
      }
      for (position, axis) in axes.enumerated() {
        factors[axis] = scales[position]
        extents[axis] = Int((Double(x[axis]) * scales[position]).rounded(.down))
      }
    } else {
      let sizes = try builder.integers(node, 3, "sizes")
      let policy = try node.string("keep_aspect_ratio_policy", default: "stretch")
      guard sizes.count == axes.count, sizes.allSatisfy({ (1...1 << 24).contains($0) }),
        x.allSatisfy({ $0 > 0 }), policy == "stretch"
      else {
        throw Diagnostic(
          id: "import.resize.sizes",
          "sizes \(sizes) with policy '\(policy)' do not fit axes \(axes) of \(x)", at: node.place)
      }
      for (position, axis) in axes.enumerated() {
        factors[axis] = Double(sizes[position]) / Double(x[axis])
        extents[axis] = sizes[position]
      }
    }
    _ = try node.shape(extents)
    let changed = x.indices.filter { factors[$0] != 1 || extents[$0] != x[$0] }
    guard !changed.isEmpty else { return [operand] }
    guard extents.allSatisfy({ $0 <= 1 << 24 }) else {
      throw Diagnostic(
        id: "import.resize.scales", "\(x) becomes \(extents), which is too large", at: node.place)
    }
    var whole = x.map { _ in 1 }
    var isWhole = x.rank >= 3 && x.rank <= 4 && changed.allSatisfy { $0 >= 2 }
    var maps: [[Int]] = x.map { _ in [] }
    for axis in changed {
      let map = try rule.indices(
        factor: factors[axis], from: x[axis], to: extents[axis], at: node.place)
      let factor = Int(exactly: factors[axis]) ?? 0
      isWhole = isWhole && factor > 0 && map.enumerated().allSatisfy { $1 == $0 / factor }
      whole[axis] = factor
      maps[axis] = map
    }
    if isWhole { return try enlarged(node, &builder, operand, whole) }
    var result = operand
    for axis in changed {
      let indices = builder.addConstant(
        Tensor(maps[axis].map(Int64.init), [maps[axis].count]), name: "\(node.name):axis\(axis)")
      let gather = Gather(axis: axis)
      result =
        axis == changed.last
        ? try builder.add(gather, [result, indices], as: node)[0]
        : try builder.addStep(gather, [result, indices], "axis\(axis)", of: node)
    }
    return [result]
  }

  /// `[N, C, H, W]`, or `[N, C, L]` as an image of height 1, through `[N, H, W, C]`.
  private static func enlarged(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ operand: ValueID, _ factors: [Int]
  ) throws(Diagnostic) -> [ValueID] {
    let x = builder.shape(of: operand)
    let isLine = x.rank == 3
    var image = operand
    if isLine {
      image = try builder.addStep(
        Reshape(shape: Shape([x[0], x[1], 1, x[2]])), [image], "image", of: node)
    }
    image = try builder.addStep(Transpose(permutation: [0, 2, 3, 1]), [image], "nhwc", of: node)
    let resize = ResizeNearest(factors: isLine ? [1, factors[2]] : [factors[2], factors[3]])
    let large = try builder.add(resize, [image], as: node)[0]
    let back = try builder.addStep(
      Transpose(permutation: [0, 3, 1, 2]), [large], isLine ? "nc1w" : "nchw", of: node)
    guard isLine else { return [back] }
    let y = builder.shape(of: back)
    return [
      try builder.addStep(Reshape(shape: Shape([y[0], y[1], y[3]])), [back], "nchw", of: node)
    ]
  }
}

/// Which element of the operand an element of a nearest resize is.
struct NearestRule {
  /// `coordinate_transformation_mode` of ONNX.
  var coordinates: String
  /// `nearest_mode` of ONNX; empty before there was one.
  var rounding: String

  /// The rule of `Upsample` and the first `Resize`, which rounds up where it makes smaller.
  static let old = NearestRule(coordinates: "asymmetric", rounding: "")

  /// The operand's index for each index of the result.
  ///
  /// - Throws: `import.resize.coordinates`, `import.resize.rounding`.
  func indices(factor: Double, from: Int, to: Int, at place: SourcePlace) throws(Diagnostic)
    -> [Int]
  {
    var result: [Int] = []
    result.reserveCapacity(to)
    for index in 0..<to {
      let o = Double(index)
      let x: Double
      switch coordinates {
      case "asymmetric": x = o / factor
      case "half_pixel": x = (o + 0.5) / factor - 0.5
      case "pytorch_half_pixel": x = to > 1 ? (o + 0.5) / factor - 0.5 : 0
      case "half_pixel_symmetric":
        let adjustment = Double(to) / (factor * Double(from))
        x = Double(from) / 2 * (1 - adjustment) + (o + 0.5) / factor - 0.5
      case "align_corners":
        x = to > 1 ? o * Double(from - 1) / Double(to - 1) : 0
      case "tf_half_pixel_for_nn": x = (o + 0.5) / factor
      default:
        throw Diagnostic(
          id: "import.resize.coordinates",
          "coordinate_transformation_mode '\(coordinates)' is not supported", at: place)
      }
      let nearest: Double
      switch rounding {
      case "round_prefer_floor": nearest = (x - 0.5).rounded(.up)
      case "round_prefer_ceil": nearest = (x + 0.5).rounded(.down)
      case "": nearest = x.rounded(factor < 1 ? .up : .down)
      case "floor": nearest = x.rounded(.down)
      case "ceil": nearest = x.rounded(.up)
      default:
        throw Diagnostic(
          id: "import.resize.rounding", "nearest_mode '\(rounding)' is not supported", at: place)
      }
      result.append(min(max(Int(nearest), 0), from - 1))
    }
    return result
  }
}
