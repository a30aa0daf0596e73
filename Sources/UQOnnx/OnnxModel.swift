import UQSupport

/// A value of a node's attribute.
indirect enum OnnxAttribute {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(StoredTensor)
  case sparseTensor(StoredSparseTensor)
  case graph(OnnxGraph)
  /// An attribute of the call of the function that the node stands in.
  case reference(String)
  /// A kind that no operator here takes: lists of tensors or graphs, types.
  case other(String)
}

/// A node of the file.
struct OnnxNode {
  /// Name; often empty.
  var name: String
  /// Operator or function.
  var operatorName: String
  /// Domain; empty for the standard one.
  var domain: String
  /// Tells functions of one name apart.
  var overload: String
  /// Operands; empty where absent.
  var inputs: [String]
  /// Results; empty where not asked for.
  var outputs: [String]
  /// Attributes; of equal names the last.
  var attributes: [String: OnnxAttribute]
  /// Attributes that are given more than once.
  var repeatedAttributes: [String]

  /// The name, or what stands for it: the first result's name, the operator.
  var label: String {
    if !name.isEmpty { return name }
    return outputs.first { !$0.isEmpty } ?? operatorName
  }

  /// The subgraphs among the attributes, by name of the attribute.
  var subgraphs: [OnnxGraph] {
    attributes.sorted { $0.key < $1.key }.compactMap {
      if case .graph(let graph) = $0.value { graph } else { nil }
    }
  }
}

/// A dimension as the file declares it.
enum OnnxDimension: Hashable {
  case fixed(Int)
  case symbol(String)
  case unknown
}

/// The declared type of an input, output or intermediate tensor.
struct OnnxValueInfo {
  /// Name.
  var name: String
  /// Element type; `nil` where the value is no dense tensor.
  var element: OnnxElementType?
  /// Extents; `nil` where even the rank is unknown.
  var dimensions: [OnnxDimension]?
  /// What the value is where it is no dense tensor: `sequence`, `map`, `no type`.
  var kind: String
}

/// A graph of the file: the main one, or an attribute.
struct OnnxGraph {
  /// Name.
  var name: String
  /// Nodes in the file's order.
  var nodes: [OnnxNode]
  /// Dense constants.
  var initializers: [StoredTensor]
  /// Sparse constants.
  var sparseInitializers: [StoredSparseTensor]
  /// Inputs, among them defaults that have an initializer.
  var inputs: [OnnxValueInfo]
  /// Outputs.
  var outputs: [OnnxValueInfo]

  /// Names that the graph takes from the graphs around it.
  var freeNames: Set<String> {
    var own = Set(inputs.map(\.name))
    own.formUnion(initializers.map(\.name))
    own.formUnion(sparseInitializers.map(\.name))
    for node in nodes { own.formUnion(node.outputs) }
    var used = Set(outputs.map(\.name))
    for node in nodes { used.formUnion(node.usedNames) }
    return used.subtracting(own)
  }
}

extension OnnxNode {
  /// Names of all tensors that must exist before the node: operands, and what subgraphs capture.
  var usedNames: Set<String> {
    var names = Set(inputs)
    for graph in subgraphs { names.formUnion(graph.freeNames) }
    names.remove("")
    return names
  }
}

/// A function of the file.
struct OnnxFunction {
  /// What a call names.
  struct Key: Hashable {
    /// Domain.
    var domain: String
    /// Name.
    var name: String
    /// Tells functions of one name apart.
    var overload: String
  }

  /// What a call names.
  var key: Key
  /// Parameters.
  var inputs: [String]
  /// Results.
  var outputs: [String]
  /// Attributes that a call gives, with their defaults.
  var attributes: [String: OnnxAttribute?]
  /// The body.
  var nodes: [OnnxNode]
  /// Versions of the operator sets by domain.
  var opsets: [String: Int]
}

/// An ONNX file as values; tensors still refer to the file's memory.
struct OnnxModel {
  /// Path as the user gave it.
  var path: String
  /// SHA-256 of the file.
  var digest: Digest
  /// Version of the format.
  var irVersion: Int
  /// The program that wrote it.
  var producer: String
  /// The program's version.
  var producerVersion: String
  /// Free pairs of texts.
  var metadata: [String: String]
  /// Versions of the operator sets by domain.
  var opsets: [String: Int]
  /// The main graph.
  var graph: OnnxGraph
  /// Functions by what a call names.
  var functions: [OnnxFunction.Key: OnnxFunction]
  /// The files beside the model.
  var external: ExternalData
  /// Nodes of the file, in all graphs and functions.
  var nodeCount: Int
  /// Size of the file.
  var byteCount: Int
}

/// The domain without the other spelling of the standard one.
func normalizedDomain(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }
