import UQGraph
import UQNumerics
import UQSupport

/// Import of a buffer of the newest elements along an axis, as networks over streams keep it: the oldest
/// elements make room for `data`.
public enum FIFOBuffer: ForeignOperator {
  /// The rules, one for each name.
  public static var imports: [ImportRule] {
    [
      .relay("nn.fifo_buffer") { node, builder throws(Diagnostic) in
        let data = try node.operand(0, "data")
        let buffer = try node.operand(1, "buffer")
        let shape = builder.shape(of: buffer)
        let axis = try node.axis(try node.int("axis", default: 0), rank: shape.rank)
        let all = try builder.addStep(Concat(axis: axis), [buffer, data], "all", of: node)
        let extents = builder.shape(of: all).dimensions
        var starts = [Int](repeating: 0, count: extents.count)
        starts[axis] = extents[axis] - shape[axis]
        return try builder.add(Slice(starts: starts, ends: extents), [all], as: node)
      }
    ]
  }
}
