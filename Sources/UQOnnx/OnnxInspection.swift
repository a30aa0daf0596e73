import UQGraph
import UQNumerics
import UQSupport

/// What `uq inspect` shows of a model, also of one that is not wholly supported.
public struct OnnxInspection: Sendable {
  /// Something that is sound and not supported.
  public struct Unsupported: Sendable, Hashable {
    /// Name of the node; of the input where an input is the problem.
    public var node: String
    /// Operator; `Input` for an input, empty for the model as a whole.
    public var operatorName: String
    /// Why.
    public var reason: String
  }

  /// Inputs, without those that have a constant.
  public var inputs: [OnnxPort]
  /// Outputs.
  public var outputs: [OnnxPort]
  /// Number of nodes by operator, with those of subgraphs and functions.
  public var operators: [String: Int]
  /// What is not supported; empty where the model can be imported.
  public var unsupported: [Unsupported]
  /// Elements of the floating-point constants.
  public var parameters: Int
  /// Multiply-accumulates of one inference; `nil` where the graph is incomplete.
  public var macs: Int?
  /// What the file says besides.
  public var info: OnnxInfo

  /// Inspects the model at `path`.
  ///
  /// - Throws: `Diagnostics` where the model is malformed or ill-typed.
  public static func read(
    path: String, options: OnnxOptions = OnnxOptions(), operators: [any ForeignOperator.Type]
  ) throws -> OnnxInspection {
    let model = try OnnxModelReader.read(path)
    var work = GraphImport(model, options: options, operators: operators)
    work.run()
    let malformed = work.problems.filter { !$0.isUnsupported }
    guard malformed.isEmpty else { throw Diagnostics(malformed.map(\.diagnostic)) }
    return OnnxInspection(model, work)
  }

  private init(_ model: OnnxModel, _ work: GraphImport) {
    let graph = work.builder.graph
    let constants = Set(
      model.graph.initializers.map(\.name) + model.graph.sparseInitializers.map(\.name))
    inputs = model.graph.inputs.filter { !constants.contains($0.name) }.map { input in
      let known = graph.inputs.first { graph[$0].name == input.name }
      return Self.port(input, known.map { graph.type(of: $0) }, work.inputShapes)
    }
    outputs = model.graph.outputs.map { output in
      let position = graph.outputNames.firstIndex(of: output.name)
      return Self.port(output, position.map { graph.type(of: graph.outputs[$0]) }, work.inputShapes)
    }
    var census = Census()
    census.count(model.graph)
    for function in model.functions.values { census.count(function.nodes) }
    operators = census.operators
    parameters = census.parameters
    unsupported = work.problems.map { problem in
      let place = problem.diagnostic.place
      let input = problem.diagnostic.id.hasPrefix("onnx.input.")
      return Unsupported(
        node: place.node ?? "", operatorName: place.operatorName ?? (input ? "Input" : ""),
        reason: problem.diagnostic.message)
    }
    macs = work.problems.isEmpty ? graph.macs : nil
    info = work.info
  }

  private static func port(_ info: OnnxValueInfo, _ type: TensorType?, _ shapes: InputShapes)
    -> OnnxPort
  {
    if let type {
      return OnnxPort(name: info.name, type: type.element.name, shape: type.shape.dimensions)
    }
    let extents = info.dimensions ?? []
    return OnnxPort(
      name: info.name, type: info.element?.description ?? info.kind,
      shape: extents.enumerated().map { shapes.extent($1, isFirst: $0 == 0) ?? -1 })
  }
}

/// Counts operators and parameters over all graphs of a file.
private struct Census {
  var operators: [String: Int] = [:]
  var parameters = 0

  mutating func count(_ graph: OnnxGraph) {
    for stored in graph.initializers { count(stored) }
    for stored in graph.sparseInitializers.compactMap(\.values) { count(stored) }
    count(graph.nodes)
  }

  mutating func count(_ nodes: [OnnxNode]) {
    for node in nodes {
      operators[node.operatorName, default: 0] += 1
      for attribute in node.attributes.values {
        switch attribute {
        case .tensor(let stored): count(stored)
        case .graph(let graph): count(graph)
        default: break
        }
      }
    }
  }

  private mutating func count(_ stored: StoredTensor) {
    guard let element = stored.dataType.element, let shape = try? stored.shape() else { return }
    // Of integers, matrices and images of bytes are weights; shapes and zero points are lists.
    let isWeight = element.isInteger && element.byteCount == 1 && shape.rank > 1
    if element.isFloat || isWeight { parameters += shape.count }
  }
}
