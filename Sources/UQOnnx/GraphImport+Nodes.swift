import UQGraph
import UQNumerics
import UQSupport

extension GraphImport {
  /// Imports the nodes of a graph, branch or function into the innermost frame.
  mutating func importNodes(_ nodes: [OnnxNode]) {
    let order = NodeOrder(nodes)
    if !order.cycle.isEmpty {
      let names = order.cycle.prefix(20).map { "'\(nodes[$0].label)'" }
      report(
        "onnx.graph.cycle",
        "nodes depend on each other in a circle: "
          + names.joined(separator: " -> ") + (order.cycle.count > 20 ? " -> ..." : "")
          + " -> \(names[0])")
    } else if !order.isFileOrder {
      warnings.append(
        Diagnostic(
          .warning, id: "onnx.graph.order", "nodes are not in topological order and were sorted",
          at: SourcePlace(file: model.path)))
    }
    for index in order.sorted { importNode(nodes[index]) }
    for index in order.unsorted {
      for name in nodes[index].outputs { define(name, .unknown) }
      if let frame = frames.last { _ = match(nodes[index], frame, at: place(nodes[index])) }
    }
  }

  private func place(_ node: OnnxNode) -> SourcePlace {
    SourcePlace(
      file: model.path, node: (frames.last?.path ?? "") + node.label,
      operatorName: node.operatorName)
  }

  private mutating func importNode(_ node: OnnxNode) {
    let place = place(node)
    guard nodeBudget > 0 else {
      if nodeBudget == 0 {
        nodeBudget = -1
        report(
          "onnx.graph.size",
          "the functions multiply the model's \(model.nodeCount) nodes beyond "
            + "what is imported", at: place)
      }
      for name in node.outputs { define(name, .unknown, at: place) }
      return
    }
    nodeBudget -= 1
    for name in node.repeatedAttributes {
      report("onnx.attribute.duplicate", "attribute '\(name)' is given twice", at: place)
    }
    var operands: [Known] = []
    for name in node.inputs {
      operands.append(name.isEmpty ? .absent : value(of: name, at: place))
    }
    guard let frame = frames.last else { return }
    let results: [Known]
    if let function = calledFunction(node) {
      results = call(function, node, operands, at: place)
    } else if node.operatorName == "If", node.domain.isEmpty {
      results = importIf(node, operands, at: place)
    } else {
      results = apply(node, operands, frame, at: place)
    }
    for (index, name) in node.outputs.enumerated() {
      define(name, index < results.count ? results[index] : .unknown, at: place)
    }
  }

  // MARK: Operators

  /// The rule for a node, or `nil` after reporting why there is none.
  private mutating func match(_ node: OnnxNode, _ frame: Frame, at place: SourcePlace)
    -> (rule: ImportRule, version: Int)?
  {
    if calledFunction(node) != nil { return nil }
    guard !node.operatorName.isEmpty else {
      report("onnx.node.operator", "a node has no operator", at: place)
      return nil
    }
    guard let version = frame.opsets[node.domain] else {
      let domain = node.domain.isEmpty ? "ai.onnx" : node.domain
      report(
        "onnx.opset.missing",
        "is of operator set '\(domain)', of which the model imports no "
          + "version", at: place)
      return nil
    }
    let subgraphs = node.subgraphs
    switch rules.match(domain: node.domain, name: node.operatorName, version: version) {
    case .rule(let rule) where subgraphs.isEmpty: return (rule, version)
    case .rule:
      report(
        "onnx.operator.unsupported",
        "operator '\(node.operatorName)' has a subgraph; control "
          + "flow is not supported", at: place, isUnsupported: true)
    case .none(let reason):
      // The dynamic choice of `If` is reported where the condition is known not to be constant.
      if node.operatorName == "If", node.domain.isEmpty { return nil }
      let flow = subgraphs.isEmpty ? "" : "; it is control flow, which has no static schedule"
      report("onnx.operator.unsupported", reason + flow, at: place, isUnsupported: true)
    }
    return nil
  }

  private mutating func apply(
    _ node: OnnxNode, _ operands: [Known], _ frame: Frame, at place: SourcePlace
  ) -> [Known] {
    guard let (rule, version) = match(node, frame, at: place) else { return [] }
    var ids: [ValueID?] = []
    for operand in operands {
      switch operand {
      case .value(let id): ids.append(id)
      case .absent: ids.append(nil)
      case .unknown, .stored, .sparse: return []
      }
    }
    guard constantBudget >= 0 else { return [] }
    guard let attributes = foreignAttributes(node, at: place) else { return [] }
    let last = frames.count - 1
    let foreign = ForeignNode(
      dialect: .onnx, domain: node.domain, operatorName: node.operatorName, version: version,
      name: nodeName(node), attributes: attributes, operands: ids,
      results: node.outputs.map { valueName($0, in: last) }, place: place)
    let before = builder.graph.values.count
    do throws(Diagnostic) {
      let values = try rule.build(foreign, &builder)
      chargeConstants(from: before, at: place)
      if case .tensor(let stored) = node.attributes["value"], stored.dataType.bits < 8,
        let id = values.first, builder.constant(id) != nil
      {
        builder.storedBits[id] = stored.dataType.bits
      }
      let wanted = node.outputs.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
      if values.count < wanted {
        report(
          "onnx.operator.unsupported",
          "\(wanted) results are asked for, \(values.count) are "
            + "supported", at: place, isUnsupported: true)
      }
      return values.map { .value($0) }
    } catch {
      let types = ids.compactMap { $0 }.map { builder.type(of: $0) }
      report(error.located(in: place), isUnsupported: error.isBeyondSupport(operands: types))
      return []
    }
  }

  private mutating func chargeConstants(from start: Int, at place: SourcePlace) {
    for value in builder.graph.values[start...] where value.constant != nil {
      constantBudget -= value.type.byteCount
    }
    if constantBudget < 0 {
      report(
        "onnx.constant.size",
        "the model computes constants of an extent out of proportion to its "
          + "file", at: place)
    }
  }

  // MARK: Attributes

  /// The attribute with the function's parameters put in; `nil` where the call leaves it out.
  private func resolved(_ attribute: OnnxAttribute) -> OnnxAttribute? {
    guard case .reference(let name) = attribute else { return attribute }
    return frames.last?.attributes[name]
  }

  private mutating func foreignAttributes(_ node: OnnxNode, at place: SourcePlace)
    -> [String: ForeignAttribute]?
  {
    var result: [String: ForeignAttribute] = [:]
    for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
      guard let attribute = resolved(attribute) else { continue }
      do throws(Diagnostic) {
        switch attribute {
        case .int(let value): result[name] = .int(value)
        case .float(let value): result[name] = .float(value)
        case .string(let value): result[name] = .string(value)
        case .ints(let value): result[name] = .ints(value)
        case .floats(let value): result[name] = .floats(value)
        case .strings(let value): result[name] = .strings(value)
        case .tensor(let stored) where stored.isText: result[name] = .strings(stored.texts)
        case .tensor(let stored):
          result[name] = .tensor(try finite(stored.tensor(), place.node ?? name))
        case .sparseTensor(let stored):
          result[name] = .tensor(try finite(stored.tensor(), place.node ?? name))
        case .graph:
          throw Diagnostic(
            id: "onnx.attribute.unsupported",
            "attribute '\(name)' is a graph, which is not "
              + "supported")
        case .other(let kind):
          throw Diagnostic(
            id: "onnx.attribute.unsupported",
            "attribute '\(name)' is \(kind), which is not "
              + "supported")
        case .reference(let other):
          throw Diagnostic(
            id: "onnx.attribute.reference",
            "attribute '\(name)' refers to '\(other)' outside of "
              + "a function")
        }
      } catch {
        let beyond = ["onnx.attribute.unsupported", "onnx.tensor.type", "onnx.tensor.segment"]
        report(error.located(in: place), isUnsupported: beyond.contains(error.id))
        return nil
      }
    }
    return result
  }

  // MARK: Control flow

  private mutating func importIf(_ node: OnnxNode, _ operands: [Known], at place: SourcePlace)
    -> [Known]
  {
    guard let condition = operands.first else {
      report("import.operand.missing", "operand 0 (cond) is missing", at: place)
      return []
    }
    guard case .value(let id) = condition else { return [] }
    guard let constant = builder.constant(id) else {
      report(
        "onnx.operator.unsupported",
        "operator 'If' chooses by '\(node.inputs[0])', which is not "
          + "constant; only static control flow is supported", at: place, isUnsupported: true)
      return []
    }
    guard constant.element == .bool, constant.count == 1 else {
      report("onnx.if.condition", "the condition is \(constant.type), not a bool", at: place)
      return []
    }
    let key = constant.elements(Bool.self) == [true] ? "then_branch" : "else_branch"
    guard case .graph(let branch)? = node.attributes[key], branch.inputs.isEmpty else {
      report("onnx.if.branch", "attribute '\(key)' is no graph without inputs", at: place)
      return []
    }
    guard branch.outputs.count >= node.outputs.count else {
      report(
        "onnx.if.branch",
        "'\(key)' has \(branch.outputs.count) outputs, the node "
          + "\(node.outputs.count)", at: place)
      return []
    }
    guard let outer = frames.last, hasRoom(at: place) else { return [] }
    let last = frames.count - 1
    var frame = Frame(
      attributes: outer.attributes, opsets: outer.opsets, seesOuter: true, path: outer.path)
    for (inner, name) in zip(branch.outputs, node.outputs) where !name.isEmpty {
      frame.renames[inner.name] = valueName(name, in: last)
    }
    frames.append(frame)
    declareInitializers(of: branch)
    importNodes(branch.nodes)
    var results: [Known] = []
    for output in branch.outputs { results.append(value(of: output.name, at: place)) }
    frames.removeLast()
    return results
  }

  private mutating func hasRoom(at place: SourcePlace) -> Bool {
    if frames.count < Self.depthLimit { return true }
    report(
      "onnx.function.depth", "functions and branches are nested more than \(Self.depthLimit) deep",
      at: place)
    return false
  }

  // MARK: Functions

  /// The model's function that a node calls.
  ///
  /// Functions come first, except where one describes a standard operator that has a rule.
  private func calledFunction(_ node: OnnxNode) -> OnnxFunction? {
    let key = OnnxFunction.Key(
      domain: node.domain, name: node.operatorName, overload: node.overload)
    guard let function = model.functions[key] else { return nil }
    let isStandard = RuleTable.knownVersions[node.domain] != nil
    return isStandard && rules.has(domain: node.domain, name: node.operatorName) ? nil : function
  }

  private mutating func call(
    _ function: OnnxFunction, _ node: OnnxNode, _ operands: [Known], at place: SourcePlace
  ) -> [Known] {
    let name = function.key.name
    guard !callStack.contains(function.key) else {
      report("onnx.function.recursive", "function '\(name)' calls itself", at: place)
      return []
    }
    guard operands.count <= function.inputs.count, node.outputs.count <= function.outputs.count
    else {
      report(
        "onnx.function.operands",
        "function '\(name)' takes \(function.inputs.count) operands and "
          + "makes \(function.outputs.count) results, the call has \(operands.count) and "
          + "\(node.outputs.count)", at: place)
      return []
    }
    guard hasRoom(at: place), let outer = frames.last else { return [] }
    let last = frames.count - 1
    var frame = Frame(
      opsets: function.opsets, seesOuter: false, path: nodeName(node) + "/")
    for (key, fallback) in function.attributes {
      if let given = node.attributes[key] {
        if let value = resolved(given) { frame.attributes[key] = value }
      } else if let fallback {
        frame.attributes[key] = fallback
      }
    }
    if frame.opsets.isEmpty { frame.opsets = outer.opsets }
    for (inner, name) in zip(function.outputs, node.outputs) where !name.isEmpty {
      frame.renames[inner] = valueName(name, in: last)
    }
    frames.append(frame)
    callStack.append(function.key)
    for (index, parameter) in function.inputs.enumerated() {
      define(parameter, index < operands.count ? operands[index] : .absent, at: place)
    }
    importNodes(function.nodes)
    var results: [Known] = []
    for output in function.outputs { results.append(value(of: output, at: place)) }
    callStack.removeLast()
    frames.removeLast()
    return results
  }

  // MARK: Weights

  /// The tensor, after a look for elements that no quantizer could represent.
  ///
  /// An infinite scalar is let through: it is the open bound of a clip.
  ///
  /// - Throws: `onnx.weight.nonfinite`.
  func finite(_ tensor: Tensor, _ name: String) throws(Diagnostic) -> Tensor {
    let (nan, infinite) = tensor.nonFiniteCounts
    if nan > 0 || (infinite > 0 && tensor.count > 1) {
      throw Diagnostic(
        id: "onnx.weight.nonfinite",
        "constant '\(name)' has \(nan) NaN and \(infinite) infinite "
          + "of \(tensor.count) elements; the training diverged, or the file is damaged")
    }
    return tensor
  }
}
