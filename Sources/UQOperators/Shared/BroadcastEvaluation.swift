import UQGraph
import UQNumerics
import UQSupport

/// A function of two numbers that a broadcasting operator applies to every pair of elements.
protocol BinaryFunction {
  /// On real numbers.
  static func floating<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T
  /// On integers, modulo their width.
  static func integer<T: FixedWidthInteger>(_ a: T, _ b: T) -> T
}

/// The order in which two operands are read under broadcasting, with as few axes as possible.
struct BroadcastWalk {
  /// Extents, outermost first; at least one.
  private(set) var extents: [Int] = []
  /// Distance in elements between neighbours in the first operand; 0 where it repeats.
  private(set) var first: [Int] = []
  /// Distance in elements between neighbours in the second operand; 0 where it repeats.
  private(set) var second: [Int] = []

  /// The walk over `result`, which `a` and `b` broadcast to; neighbouring axes that both operands
  /// pass alike become one.
  init(_ a: Shape, _ b: Shape, _ result: Shape) {
    let x = Self.strides(a, result)
    let y = Self.strides(b, result)
    for axis in 0..<result.rank where result[axis] != 1 {
      let extent = result[axis]
      if let last = extents.indices.last, first[last] == x[axis] * extent,
        second[last] == y[axis] * extent
      {
        extents[last] *= extent
        first[last] = x[axis]
        second[last] = y[axis]
      } else {
        extents.append(extent)
        first.append(x[axis])
        second.append(y[axis])
      }
    }
    if extents.isEmpty {
      extents = [1]
      first = [0]
      second = [0]
    }
  }

  private static func strides(_ shape: Shape, _ result: Shape) -> [Int] {
    let lead = result.rank - shape.rank
    let own = shape.strides
    return (0..<result.rank).map { axis in
      axis < lead || shape[axis - lead] == 1 ? 0 : own[axis - lead]
    }
  }

  /// Calls `body` with the offsets of both operands at the start of every innermost row, in order.
  @inline(__always)
  func forEachRow(_ body: (_ row: Int, _ first: Int, _ second: Int) -> Void) {
    let last = extents.count - 1
    let rows = extents[..<last].reduce(1, *)
    var index = [Int](repeating: 0, count: extents.count)
    var x = 0
    var y = 0
    for row in 0..<rows {
      body(row, x, y)
      var axis = last - 1
      while axis >= 0 {
        index[axis] += 1
        x += first[axis]
        y += second[axis]
        if index[axis] < extents[axis] { break }
        x -= first[axis] * extents[axis]
        y -= second[axis] * extents[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}

/// `f` of every pair of elements of `a` and `b` under broadcasting.
@inline(__always)
func broadcastMap<A: TensorElement, B: TensorElement, R: TensorElement>(
  _ a: Tensor, _ b: Tensor, _ shape: Shape, _ f: (A, B) -> R
) -> Tensor {
  var result = Tensor(zeros: R.elementType, shape)
  guard shape.count > 0 else { return result }
  let walk = BroadcastWalk(a.shape, b.shape, shape)
  let extent = walk.extents[walk.extents.count - 1]
  let aStep = walk.first[walk.first.count - 1]
  let bStep = walk.second[walk.second.count - 1]
  result.withMutableElements(R.self) { output in
    a.withElements(A.self) { left in
      b.withElements(B.self) { right in
        walk.forEachRow { row, x, y in
          let base = row * extent
          for i in 0..<extent { output[base + i] = f(left[x + i * aStep], right[y + i * bStep]) }
        }
      }
    }
  }
  return result
}

/// Applies a binary function under broadcasting in the operands' own element type; the halves are
/// computed in `Float`.
///
/// - Precondition: both operands have the result's element type, which is not `bool`.
func evaluateBinary<F: BinaryFunction>(
  _ function: F.Type, _ a: Tensor, _ b: Tensor, _ type: TensorType, _ clamp: Clamp = .none
) -> Tensor {
  let shape = type.shape
  func integers<T: FixedWidthInteger & TensorElement>(_: T.Type) -> Tensor {
    broadcastMap(a, b, shape) { (x: T, y: T) in F.integer(x, y) }
  }
  switch type.element {
  case .float32:
    if clamp.isNone {
      return broadcastMap(a, b, shape) { (x: Float, y: Float) in F.floating(x, y) }
    }
    return broadcastMap(a, b, shape) { (x: Float, y: Float) in clamp.apply(F.floating(x, y)) }
  case .float64:
    return broadcastMap(a, b, shape) { (x: Double, y: Double) in
      let value = F.floating(x, y)
      return clamp.isNone
        ? value : Swift.min(Swift.max(value, Double(clamp.low)), Double(clamp.high))
    }
  case .float16, .bfloat16:
    return evaluateBinary(
      function, a.converted(to: .float32), b.converted(to: .float32), TensorType(.float32, shape),
      clamp
    ).converted(to: type.element)
  case .int64: return integers(Int64.self)
  case .int32: return integers(Int32.self)
  case .int16: return integers(Int16.self)
  case .int8: return integers(Int8.self)
  case .uint64: return integers(UInt64.self)
  case .uint32: return integers(UInt32.self)
  case .uint16: return integers(UInt16.self)
  case .uint8, .bool: return integers(UInt8.self)
  }
}
