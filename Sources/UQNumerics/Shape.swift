/// The extents of a tensor, outermost first, each at least 0.
///
/// A shape that exists has an element count that fits in `Int`. It is a sequence of its extents but
/// no collection: ``count`` is the number of a tensor's elements, not of the extents.
public struct Shape: Hashable, Codable, Sendable, ExpressibleByArrayLiteral,
  CustomStringConvertible, Sequence
{
  /// Extents, outermost first.
  public let dimensions: [Int]
  /// Product of the extents; 1 for a scalar.
  public let count: Int

  /// Creates a shape; `nil` where an extent is negative or the count overflows.
  public init?(checking dimensions: [Int]) {
    // An extent of 0 must not hide an overflow of the others, which strides would run into.
    var product = 1
    for d in dimensions {
      let (next, overflow) = product.multipliedReportingOverflow(by: d == 0 ? 1 : d)
      guard d >= 0, !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.count = dimensions.contains(0) ? 0 : product
  }

  /// Creates a shape from extents that are known to be sound.
  ///
  /// - Precondition: ``init(checking:)`` accepts them.
  public init(_ dimensions: [Int]) {
    guard let shape = Shape(checking: dimensions) else {
      preconditionFailure("unsound shape \(dimensions)")
    }
    self = shape
  }

  /// Creates a shape from a literal.
  public init(arrayLiteral elements: Int...) { self.init(elements) }

  /// Decodes a list of extents.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let list = try container.decode([Int].self)
    guard let shape = Shape(checking: list) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "unsound shape")
    }
    self = shape
  }

  /// Encodes a list of extents.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(dimensions)
  }

  /// Number of axes.
  public var rank: Int { dimensions.count }
  /// The axes, `0..<rank`.
  public var indices: Range<Int> { dimensions.indices }
  /// The outermost extent; `nil` for a scalar.
  public var first: Int? { dimensions.first }
  /// The innermost extent; `nil` for a scalar.
  public var last: Int? { dimensions.last }
  /// Goes over the extents, outermost first.
  public func makeIterator() -> Array<Int>.Iterator { dimensions.makeIterator() }
  /// The extent of an axis.
  public subscript(axis: Int) -> Int { dimensions[axis] }
  /// The extents of a range of axes.
  public subscript(axes: some RangeExpression<Int>) -> ArraySlice<Int> { dimensions[axes] }

  /// Distance in elements between neighbours along each axis, row-major.
  public var strides: [Int] {
    var result = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      result[axis] = result[axis + 1] * dimensions[axis + 1]
    }
    return result
  }

  /// `[1, 49, 10, 1]`.
  public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }

  /// The axis that `axis` names, counting from the end where it is negative; `nil` out of range.
  public func normalizedAxis(_ axis: Int) -> Int? {
    let real = axis < 0 ? axis + rank : axis
    return dimensions.indices.contains(real) ? real : nil
  }

  /// The shape that two operands broadcast to by the rules of NumPy; `nil` where they do not.
  public static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
    let rank = Swift.max(a.rank, b.rank)
    var result = [Int](repeating: 1, count: rank)
    for i in 0..<rank {
      let x = i < rank - a.rank ? 1 : a[i - (rank - a.rank)]
      let y = i < rank - b.rank ? 1 : b[i - (rank - b.rank)]
      guard x == y || x == 1 || y == 1 else { return nil }
      result[i] = x == 1 ? y : x
    }
    return Shape(checking: result)
  }
}
