import UQGraph
import UQNumerics
import UQSupport

/// Import of Relay's image resizing: constant indices for the nearest pixel, constant matrices along
/// each axis for linear and cubic interpolation.
public enum ResizeImage: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .relay("image.resize") { node, builder throws(Diagnostic) in try sized(node, &builder) },
      .relay("image.resize2d") { node, builder throws(Diagnostic) in try sized(node, &builder) },
      .relay("nn.upsampling") { node, builder throws(Diagnostic) in
        let layout = try node.text("layout", default: "NCHW")
        let x = try builder.channelsLast(
          try node.operand(0, "data"), layout: layout, of: node)
        let shape = builder.shape(of: x)
        let factors = [
          Double(try node.float("scale_h")), Double(try node.float("scale_w")),
        ]
        guard factors.allSatisfy({ $0 > 0 && $0 <= 4096 }), shape[1] <= 1 << 20,
          shape[2] <= 1 << 20
        else {
          throw Diagnostic(
            id: "import.resize.scales", "scales \(factors) of \(shape)", at: node.place)
        }
        let sizes = [
          Int((Double(shape[1]) * factors[0]).rounded()),
          Int((Double(shape[2]) * factors[1]).rounded()),
        ]
        let name = try node.text("method", default: "nearest_neighbor")
        let aligns = try node.flag("align_corners")
        return try resized(
          node, &builder, x, sizes, layout,
          Sampling(
            method: name == "bilinear" ? "linear" : name == "bicubic" ? "cubic" : name,
            coordinates: aligns ? "align_corners" : "asymmetric", rounding: "", alpha: -0.5,
            excludesOutside: false))
      },
    ]
  }

  private static func sized(_ node: ForeignNode, _ builder: inout GraphBuilder)
    throws(Diagnostic) -> [ValueID]
  {
    let layout = try node.text("layout", default: "NCHW")
    let x = try builder.channelsLast(try node.operand(0, "data"), layout: layout, of: node)
    let shape = builder.shape(of: x)
    let sizes = try node.listed("size") ?? [shape[1], shape[2]]
    var method = try node.text("method", default: "linear")
    if method == "bilinear" { method = "linear" }
    if method == "bicubic" { method = "cubic" }
    if let element = try node.elementType("out_dtype"), element != builder.type(of: x).element {
      throw Diagnostic(
        id: "import.resize.type", "resizes \(builder.type(of: x)) to \(element.name)",
        at: node.place)
    }
    return try resized(
      node, &builder, x, sizes, layout,
      Sampling(
        method: method,
        coordinates: try node.text("coordinate_transformation_mode", default: "half_pixel"),
        // An attribute that is not printed is "round"; an empty one leaves it to the coordinates.
        rounding: node.attributes["rounding_method"] == nil
          ? "round" : try node.text("rounding_method", default: ""),
        alpha: Double(try node.float("cubic_alpha", default: -0.5)),
        excludesOutside: try node.flag("cubic_exclude")))
  }

  private static func resized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ image: ValueID, _ sizes: [Int],
    _ layout: String, _ sampling: Sampling
  ) throws(Diagnostic) -> [ValueID] {
    let type = builder.type(of: image)
    guard sizes.count == 2, sizes.allSatisfy({ (1...1 << 14).contains($0) }),
      [type.shape[1], type.shape[2]].allSatisfy({ (1...1 << 14).contains($0) })
    else {
      throw Diagnostic(
        id: "import.resize.sizes", "resizes \(type.shape) to \(sizes)", at: node.place)
    }
    let isNearest = sampling.method == "nearest_neighbor"
    if !isNearest { try node.requireFloat(type) }
    var x = image
    if isNearest {
      var maps: [[Int]] = []
      for axis in 0..<2 {
        maps.append(
          try sampling.nearest(from: type.shape[axis + 1], to: sizes[axis], at: node.place))
      }
      let factors = (0..<2).map { sizes[$0] / type.shape[$0 + 1] }
      let isWhole = (0..<2).allSatisfy { axis in
        factors[axis] >= 1 && factors[axis] * type.shape[axis + 1] == sizes[axis]
          && maps[axis].enumerated().allSatisfy { $1 == $0 / factors[axis] }
      }
      if isWhole {
        return [
          try builder.addSpatial(
            ResizeNearest(factors: factors), [x], layout: layout, of: node)
        ]
      }
      for axis in 0..<2 {
        let indices = builder.addConstant(
          Tensor(maps[axis].map(Int64.init), [sizes[axis]]), name: "\(node.name):axis\(axis)")
        x = try builder.addStep(Gather(axis: axis + 1), [x, indices], "axis\(axis)", of: node)
      }
      return [try builder.fromChannelsLast(x, layout: layout, of: node)]
    }
    for axis in 0..<2 {
      let rows = try sampling.weights(from: type.shape[axis + 1], to: sizes[axis], at: node.place)
      let matrix = builder.addConstant(
        Tensor(doubles: rows, type.element, try node.shape([sizes[axis], type.shape[axis + 1]])),
        name: "\(node.name):axis\(axis)")
      let order = axis == 0 ? [0, 2, 3, 1] : [0, 1, 3, 2]
      let last = try builder.addStep(
        Transpose(permutation: order), [x], "axis\(axis):last", of: node)
      let y = try builder.addStep(
        FullyConnected(), [last, matrix], "axis\(axis):resized", of: node)
      x = try builder.addStep(
        Transpose(permutation: order).inverse, [y], "axis\(axis):back", of: node)
    }
    return [try builder.fromChannelsLast(x, layout: layout, of: node)]
  }
}
