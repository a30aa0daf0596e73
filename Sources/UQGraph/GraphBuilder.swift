import UQNumerics
import UQSupport

/// Builds a graph node by node, inferring types and folding constants on the way.
///
/// Because every type is inferred as its node is added, an import rule can read the constant behind
/// an operand (the shape of a reshape) even where the model computes it from other shapes.
public struct GraphBuilder: Sendable {
  /// The graph so far.
  public var graph: Graph
  /// Largest number of elements that an eagerly folded result may have.
  public var foldingLimit = 1 << 24
  /// Largest number of multiply-accumulates that eager folding of a node may take.
  public var foldingWork = 1 << 28
  /// Bits of integer constants that are kept in wider elements than the format stores them in.
  public var storedBits: [ValueID: Int] = [:]
  private var names: Set<String> = []

  /// Starts an empty graph.
  public init(name: String) { graph = Graph(name: name) }

  /// Largest number of elements of a value; keeps all products of extents within 64 bits.
  public static let largestValue = 1 << 31

  /// A name that no value has yet: `wanted`, or `wanted` with a number.
  public mutating func uniqueName(_ wanted: String) -> String {
    let base = wanted.isEmpty ? "value" : wanted
    var candidate = base
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(base).\(number)"
      number += 1
    }
    return candidate
  }

  /// Adds an input of the graph.
  public mutating func addInput(_ name: String, _ type: TensorType) -> ValueID {
    let id = graph.append(Value(name: uniqueName(name), type: type))
    graph.inputs.append(id)
    return id
  }

  /// Adds an output of the graph.
  public mutating func addOutput(_ name: String, _ id: ValueID) {
    graph.outputs.append(id)
    graph.outputNames.append(name)
  }

  /// Adds a constant.
  public mutating func addConstant(_ tensor: Tensor, name: String) -> ValueID {
    graph.appendConstant(tensor, name: uniqueName(name))
  }

  /// The type of a value.
  public func type(of id: ValueID) -> TensorType { graph.type(of: id) }
  /// The shape of a value.
  public func shape(of id: ValueID) -> Shape { graph.type(of: id).shape }
  /// The constant behind a value, if it is one.
  public func constant(_ id: ValueID?) -> Tensor? { graph.constant(id) }

  /// Adds a node, or its value where all operands are constant, and returns the results.
  ///
  /// - Parameters:
  ///   - names: wanted names of the results; missing ones are made from the node's name.
  /// - Throws: what the operator's `resultTypes` throws, located at `place`; `shape.value.size`
  ///   where a result has more than ``largestValue`` elements.
  public mutating func add(
    _ op: some Operator, _ operands: [ValueID?], name: String, results names: [String] = [],
    place: SourcePlace = SourcePlace()
  ) throws(Diagnostic) -> [ValueID] {
    let types: [TensorType]
    do { types = try op.resultTypes(graph.types(of: operands)) } catch {
      throw error.located(in: place)
    }
    for type in types where type.shape.count > Self.largestValue {
      throw Diagnostic(
        id: "shape.value.size",
        "a result would be \(type); at most \(Self.largestValue) elements are supported", at: place)
    }
    let constants = operands.map { graph.constant($0) }
    let foldable =
      zip(operands, constants).allSatisfy { $0 == nil || $1 != nil }
      && types.allSatisfy { $0.shape.count <= foldingLimit }
      && op.macs(graph.types(of: operands), types) <= foldingWork
    if foldable {
      let values: [Tensor]
      do { values = try op.evaluate(constants, results: types) } catch {
        throw error.located(in: place)
      }
      return values.enumerated().map { index, value in
        graph.appendConstant(value, name: resultName(index, names, name))
      }
    }
    let results = types.enumerated().map { index, type in
      graph.append(Value(name: resultName(index, names, name), type: type))
    }
    graph.nodes.append(
      Node(name: name, op: op, operands: operands, results: results, place: place))
    return results
  }

  private mutating func resultName(_ index: Int, _ names: [String], _ node: String) -> String {
    let wanted = index < names.count && !names[index].isEmpty ? names[index] : node
    return uniqueName(wanted)
  }
}
