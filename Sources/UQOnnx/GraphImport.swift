import UQGraph
import UQNumerics
import UQSupport

/// One import: the graph being built, and what went wrong so far.
struct GraphImport {
  /// A problem, and whether the model is sound and only beyond what is supported.
  struct Problem {
    var diagnostic: Diagnostic
    var isUnsupported: Bool
  }

  /// What a name stands for.
  enum Known {
    case value(ValueID)
    /// A constant of the file that nothing has used yet.
    case stored(StoredTensor)
    case sparse(StoredSparseTensor)
    /// Behind a problem that was reported.
    case unknown
    /// An optional parameter of a function that the call leaves out.
    case absent
  }

  /// The names of one graph, branch or call.
  struct Frame {
    var names: [String: Known] = [:]
    /// Names that results get in the graph instead of their own.
    var renames: [String: String] = [:]
    /// Attributes of the call.
    var attributes: [String: OnnxAttribute] = [:]
    var opsets: [String: Int]
    /// Whether names of the frames below are visible.
    var seesOuter: Bool
    /// Put before the names of nodes and results.
    var path = ""
  }

  /// Problems that are kept; a model with more is hopeless.
  static let problemLimit = 1000
  /// Calls and branches within each other.
  static let depthLimit = 64

  let model: OnnxModel
  let rules: RuleTable
  let options: OnnxOptions
  let inputShapes: InputShapes
  var builder: GraphBuilder
  var problems: [Problem] = []
  var warnings: [Diagnostic] = []
  var frames: [Frame]
  var callStack: [OnnxFunction.Key] = []
  /// Nodes that may still be imported; functions can multiply them beyond all bounds.
  var nodeBudget: Int
  /// Bytes of folded constants that may still be made.
  var constantBudget: Int
  private var nodeNumbers: [String: Int] = [:]
  private var overridable: [String] = []

  init(_ model: OnnxModel, options: OnnxOptions, operators: [any ForeignOperator.Type]) {
    self.model = model
    self.options = options
    rules = RuleTable(operators)
    inputShapes = InputShapes(model.graph.inputs, shapes: options.shapes)
    builder = GraphBuilder(name: model.graph.name)
    frames = [Frame(opsets: model.opsets, seesOuter: false)]
    nodeBudget = 1 << 16 + 16 * model.nodeCount
    constantBudget = 1 << 29 + 8 * model.byteCount
  }

  /// What the file says besides the network.
  var info: OnnxInfo {
    OnnxInfo(
      digest: model.digest, irVersion: model.irVersion,
      producer: [model.producer, model.producerVersion].filter { !$0.isEmpty }
        .joined(separator: " "),
      opsets: model.opsets, metadata: model.metadata, overridable: overridable,
      externalFiles: model.external.used, warnings: warnings)
  }

  /// Imports the main graph.
  mutating func run() {
    checkOpsets()
    let graph = model.graph
    declareInitializers(of: graph)
    addInputs(graph.inputs)
    importNodes(graph.nodes)
    addOutputs(graph.outputs)
  }

  // MARK: Problems

  /// Keeps a problem of the model.
  mutating func report(
    _ id: String, _ message: String, at place: SourcePlace = SourcePlace(),
    isUnsupported: Bool = false
  ) {
    report(Diagnostic(id: id, message, at: place), isUnsupported: isUnsupported)
  }

  /// Keeps a problem.
  mutating func report(_ diagnostic: Diagnostic, isUnsupported: Bool = false) {
    guard problems.count < Self.problemLimit else { return }
    problems.append(
      Problem(
        diagnostic: diagnostic.located(in: SourcePlace(file: model.path)),
        isUnsupported: isUnsupported))
  }

  // MARK: Names

  /// What a name stands for where the import is; `nil` where it is not defined.
  func lookUp(_ name: String) -> (frame: Int, known: Known)? {
    for index in frames.indices.reversed() {
      if let known = frames[index].names[name] { return (index, known) }
      if !frames[index].seesOuter { return nil }
    }
    return nil
  }

  /// Defines a name in the innermost frame.
  mutating func define(_ name: String, _ known: Known, at place: SourcePlace = SourcePlace()) {
    guard !name.isEmpty else { return }
    if frames[frames.count - 1].names.updateValue(known, forKey: name) != nil {
      report("onnx.tensor.duplicate", "tensor '\(name)' is made twice", at: place)
    }
  }

  /// The value of a name; `nil` where it is behind a problem, which is reported the first time.
  mutating func value(of name: String, at place: SourcePlace) -> Known {
    guard let (frame, known) = lookUp(name) else {
      report("onnx.tensor.undefined", "uses tensor '\(name)', which nothing makes", at: place)
      frames[frames.count - 1].names[name] = .unknown
      return .unknown
    }
    let result: Known
    do throws(Diagnostic) {
      switch known {
      case .value, .unknown, .absent: return known
      case .stored(let stored):
        let id = builder.addConstant(
          try finite(stored.tensor(), name), name: valueName(name, in: frame))
        if stored.dataType.bits < 8 { builder.storedBits[id] = stored.dataType.bits }
        result = .value(id)
      case .sparse(let stored):
        result = .value(
          builder.addConstant(try finite(stored.tensor(), name), name: valueName(name, in: frame)))
      }
    } catch {
      report(
        error,
        isUnsupported: ["onnx.tensor.type", "onnx.tensor.segment", "onnx.tensor.size"]
          .contains(error.id))
      frames[frame].names[name] = .unknown
      return .unknown
    }
    frames[frame].names[name] = result
    return result
  }

  /// The name in the graph of a tensor of a frame.
  func valueName(_ name: String, in frame: Int) -> String {
    name.isEmpty ? "" : frames[frame].renames[name] ?? frames[frame].path + name
  }

  /// A name for a node that no other has.
  mutating func nodeName(_ node: OnnxNode) -> String {
    let base = (frames.last?.path ?? "") + node.label
    var number = nodeNumbers[base] ?? 0
    var candidate = number == 0 ? base : "\(base).\(number)"
    while number > 0, nodeNumbers[candidate] != nil {
      number += 1
      candidate = "\(base).\(number)"
    }
    nodeNumbers[base] = number + 1
    if candidate != base { nodeNumbers[candidate] = 1 }
    return candidate
  }

  // MARK: The main graph

  private mutating func checkOpsets() {
    for (domain, version) in model.opsets.sorted(by: { $0.key < $1.key }) {
      guard let known = RuleTable.knownVersions[domain], !known.contains(version) else { continue }
      report(
        "onnx.opset.unknown",
        "uses version \(version) of operator set "
          + "'\(domain.isEmpty ? "ai.onnx" : domain)', versions \(known.lowerBound) to "
          + "\(known.upperBound) are known; convert the model with onnx.version_converter",
        isUnsupported: version > known.upperBound)
    }
  }

  /// Makes the constants of a graph known in the innermost frame.
  mutating func declareInitializers(of graph: OnnxGraph) {
    for stored in graph.initializers {
      if stored.name.isEmpty { report("onnx.tensor.name", "an initializer has no name") }
      define(stored.name, .stored(stored))
    }
    for stored in graph.sparseInitializers {
      if stored.name.isEmpty { report("onnx.tensor.name", "a sparse initializer has no name") }
      define(stored.name, .sparse(stored))
    }
  }

  private mutating func addInputs(_ inputs: [OnnxValueInfo]) {
    var seen: Set<String> = []
    for name in options.shapes.keys.sorted() where !inputs.contains(where: { $0.name == name }) {
      let names = inputs.map { "'\($0.name)'" }.joined(separator: ", ")
      report(
        "onnx.input.unknown", "a shape is given for input '\(name)', the model has \(names)")
    }
    for input in inputs {
      guard !input.name.isEmpty else {
        report("onnx.input.name", "an input has no name")
        continue
      }
      guard seen.insert(input.name).inserted else {
        report("onnx.input.duplicate", "input '\(input.name)' is declared twice")
        continue
      }
      switch lookUp(input.name)?.known {
      case .stored(let stored)?: checkDefault(stored, input)
      case .some:
        overridable.append(input.name)
      case nil:
        do throws(Diagnostic) {
          let type = try inputType(input)
          define(input.name, .value(builder.addInput(input.name, type)))
        } catch {
          report(
            error, isUnsupported: ["onnx.input.type", "onnx.input.dynamic"].contains(error.id))
          frames[0].names[input.name] = .unknown
        }
      }
    }
  }

  private func inputType(_ input: OnnxValueInfo) throws(Diagnostic) -> TensorType {
    guard let stated = input.element else {
      throw Diagnostic(
        id: "onnx.input.type", "input '\(input.name)' is \(input.kind); tensors are supported")
    }
    guard stated.bits >= 8, let element = stated.element else {
      throw Diagnostic(
        id: "onnx.input.type", "input '\(input.name)' is of \(stated): \(stated.refusal)")
    }
    return TensorType(element, try inputShapes.shape(of: input))
  }

  private mutating func checkDefault(_ stored: StoredTensor, _ input: OnnxValueInfo) {
    if model.irVersion >= 4 { overridable.append(input.name) }
    let dims = (try? stored.shape())?.dimensions
    var fits = input.element == nil || input.element == stored.dataType
    if let dims, let declared = input.dimensions {
      fits =
        fits && dims.count == declared.count
        && zip(dims, declared).allSatisfy { extent, dimension in
          if case .fixed(let fixed) = dimension, fixed > 0 { extent == fixed } else { true }
        }
    }
    if !fits {
      report(
        "onnx.initializer.type",
        "initializer '\(input.name)' is \(stored.dataType)\(dims ?? []), "
          + "its input says \(input.element.map(\.description) ?? "")"
          + (input.dimensions.map(describe) ?? ""))
    }
  }

  private mutating func addOutputs(_ outputs: [OnnxValueInfo]) {
    if outputs.isEmpty { report("onnx.output.none", "the graph has no output") }
    var seen: Set<String> = []
    for output in outputs {
      guard seen.insert(output.name).inserted else {
        report("onnx.output.duplicate", "output '\(output.name)' is declared twice")
        continue
      }
      guard lookUp(output.name) != nil else {
        report("onnx.output.undefined", "output '\(output.name)' is made by nothing")
        continue
      }
      guard case .value(let id) = value(of: output.name, at: SourcePlace()) else { continue }
      checkOutput(output, builder.type(of: id))
      builder.addOutput(output.name, id)
    }
  }

  private mutating func checkOutput(_ output: OnnxValueInfo, _ type: TensorType) {
    if let stated = output.element, stated.rawValue != 0, stated.element != type.element {
      report(
        "onnx.output.type", "output '\(output.name)' is \(type), the model declares \(stated)")
    }
    guard let declared = output.dimensions, !declared.isEmpty else { return }
    let fits =
      declared.count == type.shape.rank
      && zip(declared, type.shape.dimensions).dropFirst().allSatisfy { dimension, extent in
        if case .fixed(let fixed) = dimension, fixed > 0 { extent == fixed } else { true }
      }
    if !fits {
      warnings.append(
        Diagnostic(
          .warning, id: "onnx.output.shape",
          "output '\(output.name)' is \(type.shape), the model "
            + "declares \(describe(declared))", at: SourcePlace(file: model.path)))
    }
  }
}
