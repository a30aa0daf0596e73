import UQGraph
import UQNumerics
import UQSupport

/// Import of Relay's resizing of lines and volumes: each axis by itself, as a gather of slices or a product with
/// constant weights.
public enum ResizeVolume: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [
      .relay("image.resize1d") { node, builder throws(Diagnostic) in
        let sizes = try node.listed("size") ?? []
        return try resized(node, &builder, "NCW") { _ in sizes.map(Double.init) }
      },
      .relay("image.resize3d") { node, builder throws(Diagnostic) in
        let sizes = try node.listed("size") ?? []
        return try resized(node, &builder, "NCDHW") { _ in sizes.map(Double.init) }
      },
      .relay("nn.upsampling3d") { node, builder throws(Diagnostic) in
        var scales: [Double] = []
        for axis in ["d", "h", "w"] { scales.append(Double(try node.float("scale_\(axis)"))) }
        return try resized(node, &builder, "NCDHW") { extents in
          zip(extents, scales).map { (Double($0) * $1).rounded() }
        }
      },
    ]
  }

  /// `letters` name the axes, `sizes` gives the extents of those behind the channels from the operand's.
  private static func resized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ letters: String,
    sizes: ([Int]) -> [Double]
  ) throws(Diagnostic) -> [ValueID] {
    var x = try node.operand(0, "data")
    let type = builder.type(of: x)
    let layout = try node.text("layout", default: letters)
    let order = try node.order(layout, of: letters)
    guard type.shape.rank == order.count else {
      throw Diagnostic(
        id: "import.relay.layout", "layout '\(layout)' does not go with x \(type.shape)",
        at: node.place)
    }
    if let element = try node.elementType("out_dtype"), element != type.element {
      throw Diagnostic(
        id: "import.resize.type", "resizes \(type) to \(element.name)", at: node.place)
    }
    let axes = Array(order[2...])
    let targets = sizes(axes.map { type.shape[$0] })
    guard targets.count == axes.count, targets.allSatisfy({ (1...Double(1 << 14)).contains($0) }),
      axes.allSatisfy({ (1...1 << 14).contains(type.shape[$0]) })
    else {
      throw Diagnostic(
        id: "import.resize.sizes", "resizes \(type.shape) to \(targets)", at: node.place)
    }
    let sampling = try sampling(node)
    if sampling.method != "nearest_neighbor" { try node.requireFloat(type) }
    for (axis, target) in zip(axes, targets) where Int(target) != type.shape[axis] {
      x = try resized(node, &builder, x, axis, to: Int(target), sampling)
    }
    return [x]
  }

  private static func sampling(_ node: ForeignNode) throws(Diagnostic) -> Sampling {
    let method = try node.text(
      "method", default: node.operatorName == "nn.upsampling3d" ? "nearest_neighbor" : "linear")
    return Sampling(
      method: method == "trilinear" ? "linear" : method == "tricubic" ? "cubic" : method,
      coordinates: try node.text("coordinate_transformation_mode", default: "half_pixel"),
      rounding: node.operatorName == "nn.upsampling3d"
        ? "" : try node.text("rounding_method", default: "round"),
      alpha: Double(try node.float("cubic_alpha", default: -0.5)),
      excludesOutside: try node.flag("cubic_exclude"))
  }

  private static func resized(
    _ node: ForeignNode, _ builder: inout GraphBuilder, _ x: ValueID, _ axis: Int, to size: Int,
    _ sampling: Sampling
  ) throws(Diagnostic) -> ValueID {
    let type = builder.type(of: x)
    let extent = type.shape[axis]
    if sampling.method == "nearest_neighbor" {
      let map = try sampling.nearest(from: extent, to: size, at: node.place)
      let indices = builder.addConstant(
        Tensor(map.map(Int64.init), [size]), name: "\(node.name):axis\(axis)")
      return try builder.addStep(Gather(axis: axis), [x, indices], "axis\(axis)", of: node)
    }
    let rows = try sampling.weights(from: extent, to: size, at: node.place)
    let matrix = builder.addConstant(
      Tensor(doubles: rows, type.element, [size, extent]), name: "\(node.name):axis\(axis)")
    var order = Array(type.shape.indices)
    order.swapAt(axis, order.count - 1)
    let swap = Transpose(permutation: order)
    let last = try builder.addStep(swap, [x], "axis\(axis):last", of: node)
    let y = try builder.addStep(
      FullyConnected(), [last, matrix], "axis\(axis):resized", of: node)
    return try builder.addStep(swap, [y], "axis\(axis):back", of: node)
  }
}
