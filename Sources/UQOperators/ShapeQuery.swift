import UQGraph
import UQNumerics
import UQSupport

/// Import of questions about a tensor's shape, which is static: `Shape` and `Size`.
public enum ShapeQuery: ForeignOperator {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    [
      .onnx("Shape") { node, builder throws(Diagnostic) in
        let x = builder.shape(of: try node.operand(0, "data"))
        let start = bounded(try node.int("start", default: 0), x.rank)
        let end = bounded(try node.int("end", default: x.rank), x.rank)
        let extents = start < end ? x[start..<end].map(Int64.init) : []
        return builder.addConstant(Tensor(extents, [extents.count]), as: node)
      },
      .onnx("Size") { node, builder throws(Diagnostic) in
        let x = builder.shape(of: try node.operand(0, "data"))
        return builder.addConstant(Tensor([Int64(x.count)], []), as: node)
      },
      .relay("shape_of") { node, builder throws(Diagnostic) in
        let extents = builder.shape(of: try node.operand(0, "data")).map(Int64.init)
        let element = try node.elementType("dtype") ?? .int32
        return builder.addConstant(
          Tensor(wrapping: extents, element, [extents.count]), as: node)
      },
      .relay("ndarray_size") { node, builder throws(Diagnostic) in
        let count = builder.shape(of: try node.operand(0, "data")).count
        let element = try node.elementType("dtype") ?? .int32
        return builder.addConstant(Tensor(wrapping: [Int64(count)], element, []), as: node)
      },
    ]
  }

  private static func bounded(_ index: Int, _ rank: Int) -> Int {
    min(max(index < 0 ? index + rank : index, 0), rank)
  }
}
