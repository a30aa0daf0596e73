import UQGraph
import UQNumerics
import UQSupport

/// Import of the spreading of a tensor: elements move `strides` apart, a constant fills the gaps.
public enum Dilate: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [
      .relay("nn.dilate") { node, builder throws(Diagnostic) in
        var x = try node.operand(0, "x")
        let shape = builder.shape(of: x)
        let strides = try node.listed("strides") ?? []
        let value = try node.float("dilation_value", default: 0)
        guard strides.count == shape.rank, strides.allSatisfy({ (1...1 << 15).contains($0) }) else {
          throw Diagnostic(
            id: "import.dilate.strides", "strides \(strides) of \(shape)", at: node.place)
        }
        for axis in shape.indices where strides[axis] > 1 && shape[axis] > 0 {
          x = try spread(x, axis, strides[axis], value, &builder, node)
        }
        return [x]
      }
    ]
  }

  /// Each element at the beginning of a gap of its own; the last gap is cut off.
  private static func spread(
    _ x: ValueID, _ axis: Int, _ stride: Int, _ value: Float, _ builder: inout GraphBuilder,
    _ node: ForeignNode
  ) throws(Diagnostic) -> ValueID {
    let shape = builder.shape(of: x).dimensions
    let step = "axis\(axis)"
    var apart = shape
    apart.insert(1, at: axis + 1)
    let elements = try builder.addStep(
      Reshape(shape: try node.shape(apart)), [x], "\(step):elements", of: node)
    let none = [Int](repeating: 0, count: apart.count)
    var gap = none
    gap[axis + 1] = stride - 1
    let padded = try builder.addStep(
      Pad(before: none, after: gap, value: value), [elements], "\(step):gaps", of: node)
    var joined = shape
    joined[axis] *= stride
    let whole = try builder.addStep(
      Reshape(shape: try node.shape(joined)), [padded], "\(step):joined", of: node)
    var ends = joined
    ends[axis] -= stride - 1
    return try builder.addStep(
      Slice(starts: joined.map { _ in 0 }, ends: ends), [whole], step, of: node)
  }
}
