import UQGraph
import UQNumerics
import UQOperators

/// A product or sum of an activation and a constant: `scale · x + offset`.
struct ChannelAffine {
  /// The activation.
  let operand: ValueID
  private let scale: Tensor?
  private let offset: Tensor?
  private let isInverted: Bool
  private let isNegated: Bool
  private let isMirrored: Bool
  private let rank: Int

  /// Reads a product, sum, difference or quotient; `nil` where none of the operands is constant, or the
  /// activation is broadcast.
  init?(_ node: Node, _ editor: GraphEditor) {
    let isProduct = node.op is Multiply || node.op is Divide
    guard isProduct || node.op is Add || node.op is Subtract, let a = node.operands[0],
      let b = node.operands[1], editor.type(of: node.result).element == .float32
    else { return nil }
    let isFirst = editor.constant(a) != nil
    guard let constant = editor.constant(isFirst ? a : b),
      editor.constant(isFirst ? b : a) == nil, !(isFirst && node.op is Divide)
    else { return nil }
    operand = isFirst ? b : a
    guard editor.shape(of: operand) == editor.shape(of: node.result) else { return nil }
    rank = editor.shape(of: operand).rank
    scale = isProduct ? constant : nil
    offset = isProduct ? nil : constant
    isInverted = node.op is Divide
    isNegated = node.op is Subtract && !isFirst
    isMirrored = node.op is Subtract && isFirst
  }

  /// Scale and offset of each of `count` channels along `axis` (`nil`: none can be told apart); `nil`
  /// where the constant differs along other axes.
  func channels(_ count: Int, axis: Int?) -> (scale: [Double], offset: [Double])? {
    guard var scales = spread(scale, 1, count, axis), var offsets = spread(offset, 0, count, axis)
    else { return nil }
    if isInverted { scales = scales.map { 1 / $0 } }
    if isNegated { offsets = offsets.map { -$0 } }
    if isMirrored { scales = scales.map { -$0 } }
    guard (scales + offsets).allSatisfy(\.isFinite) else { return nil }
    return (scales, offsets)
  }

  private func spread(
    _ tensor: Tensor?, _ fallback: Double, _ count: Int, _ axis: Int?
  ) -> [Double]? {
    guard let tensor else { return [Double](repeating: fallback, count: count) }
    let values = tensor.withElements(Float.self) { $0.map(Double.init) }
    if values.count == 1 { return [Double](repeating: values[0], count: count) }
    guard let axis, let shape = tensor.shape.extended(toRank: rank), values.count == count,
      shape[axis] == count
    else { return nil }
    return values
  }
}

/// The reshapes and transposes, each with one user, between an operand and the node that makes it.
struct Route {
  /// The steps, nearest to the operand first.
  private(set) var steps: [(index: Int, node: Node)] = []
  /// The node before all steps.
  let end: Node
  /// Its position.
  let endIndex: Int
  private var maps: [(forward: [Int: Int], backward: [Int: Int])] = []

  /// Walks up from an operand of the node being visited; `nil` where something else uses a value on the
  /// way.
  init?(from id: ValueID, _ editor: GraphEditor) {
    guard var current = editor.soleProducer(id) else { return nil }
    while current.node.op is Reshape || current.node.op is Transpose,
      let x = current.node.operands[0]
    {
      guard let next = editor.onlyUsedProducer(x) else { return nil }
      steps.append(current)
      maps.append(Route.axes(current.node, editor))
      current = next
    }
    end = current.node
    endIndex = current.index
  }

  /// Where an axis of the end's result is in the operand; `nil` where it does not stay one axis.
  func axis(atEnd axis: Int) -> Int? {
    maps.reversed().reduce(Optional(axis)) { axis, map in axis.flatMap { map.forward[$0] } }
  }

  /// Where an axis of the operand is in the end's result; `nil` where it does not stay one axis.
  func axis(atStart axis: Int) -> Int? {
    maps.reduce(Optional(axis)) { axis, map in axis.flatMap { map.backward[$0] } }
  }

  private static func axes(
    _ node: Node, _ editor: GraphEditor
  ) -> (forward: [Int: Int], backward: [Int: Int]) {
    var forward: [Int: Int] = [:]
    var backward: [Int: Int] = [:]
    if let transpose = node.op as? Transpose {
      for (to, from) in transpose.permutation.enumerated() {
        forward[from] = to
        backward[to] = from
      }
    } else if let x = node.operands[0],
      let groups = axisGroups(from: editor.shape(of: x), to: editor.shape(of: node.result))
    {
      for group in groups where group.from.count == 1 && group.to.count == 1 {
        forward[group.from[0]] = group.to[0]
        backward[group.to[0]] = group.from[0]
      }
    }
    return (forward, backward)
  }
}
