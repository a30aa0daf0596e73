import Foundation
import UQGraph
import UQNumerics
import UQSupport

extension Reduce.Kind {
  /// The kind on real numbers.
  func reals(count: Int) -> Fold<Double> {
    switch self {
    case .sum: Fold(start: 0) { $0 + $1 }
    case .mean:
      Fold(start: 0) {
        $0 + $1
      } finish: {
        $0 / Double(count)
      }
    case .maximum: Fold(start: -.infinity) { $0.isNaN ? $0 : $1 > $0 || $1.isNaN ? $1 : $0 }
    case .minimum: Fold(start: .infinity) { $0.isNaN ? $0 : $1 < $0 || $1.isNaN ? $1 : $0 }
    case .product: Fold(start: 1) { $0 * $1 }
    case .l1: Fold(start: 0) { $0 + $1.magnitude }
    case .l2:
      Fold(start: 0) {
        $0 + $1 * $1
      } finish: {
        $0.squareRoot()
      }
    case .sumSquare: Fold(start: 0) { $0 + $1 * $1 }
    case .logSum:
      Fold(start: 0) {
        $0 + $1
      } finish: {
        log($0)
      }
    case .logSumExp:
      Fold(start: -.infinity) { sum, x in
        let high = Swift.max(sum, x)
        // Infinite terms have no difference to take the exponential of.
        return high.isInfinite ? high : high + log1p(exp(Swift.min(sum, x) - high))
      }
    }
  }

  /// The kind on integers, modulo 2⁶⁴; a mean truncates toward zero.
  func integers(count: Int) -> Fold<Int64> {
    switch self {
    case .mean:
      Fold(start: 0) {
        $0 &+ $1
      } finish: {
        count == 0 ? 0 : $0 / Int64(count)
      }
    case .maximum: Fold(start: .min) { Swift.max($0, $1) }
    case .minimum: Fold(start: .max) { Swift.min($0, $1) }
    case .product: Fold(start: 1) { $0 &* $1 }
    case .l1: Fold(start: 0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) }
    case .sumSquare: Fold(start: 0) { $0 &+ $1 &* $1 }
    case .sum, .l2, .logSum, .logSumExp: Fold(start: 0) { $0 &+ $1 }
    }
  }
}

extension Reduce {
  /// The rules, one for each name and range of versions.
  public static var imports: [ImportRule] {
    let names: [(String, Kind)] = [
      ("ReduceL1", .l1), ("ReduceL2", .l2), ("ReduceLogSum", .logSum),
      ("ReduceLogSumExp", .logSumExp), ("ReduceMax", .maximum), ("ReduceMean", .mean),
      ("ReduceMin", .minimum), ("ReduceProd", .product), ("ReduceSum", .sum),
      ("ReduceSumSquare", .sumSquare),
    ]
    return names.flatMap { (name, kind) -> [ImportRule] in
      // The axes became an operand in operator set 13 for the sum, in 18 for the others.
      let last = kind == .sum ? 12 : 17
      return [
        .onnx(name, 1...last) { node, builder throws(Diagnostic) in
          try imported(kind, node, &builder, try node.ints("axes"))
        },
        .onnx(name, (last + 1)...1000) { node, builder throws(Diagnostic) in
          let axes = try builder.optionalIntegers(node, 1, "axes") ?? []
          if axes.isEmpty, try node.int("noop_with_empty_axes", default: 0) != 0 {
            return try imported(kind, node, &builder, [])
          }
          return try imported(kind, node, &builder, axes.isEmpty ? nil : axes)
        },
      ]
    } + relayImports
  }

  private static func imported(
    _ kind: Kind, _ node: ForeignNode, _ builder: inout GraphBuilder, _ axes: [Int]?
  ) throws(Diagnostic) -> [ValueID] {
    let x = try node.operand(0, "data")
    let rank = builder.shape(of: x).rank
    let reduce = Reduce(
      kind: kind, axes: try node.axes(axes ?? Array(0..<rank), rank: rank),
      keepsDimensions: try node.int("keepdims", default: 1) != 0)
    return try builder.add(reduce, [x], as: node)
  }
}
