import UQNumerics
import UQSupport

extension Graph {
  /// Checks that the graph is well formed: ids in range, single assignment, operands before users,
  /// operand counts as specified, and types as the operators infer them.
  ///
  /// - Throws: `Diagnostics` with every violation, ids `graph.*`.
  /// - Complexity: O(values + operands), plus type inference.
  public func verify() throws {
    var problems: [Diagnostic] = []
    var defined = [Bool](repeating: false, count: values.count)
    let isValid = { (id: ValueID) in values.indices.contains(id.index) }
    var names: Set<String> = []
    for (index, value) in values.enumerated() {
      if let constant = value.constant {
        defined[index] = true
        if constant.shape != value.type.shape || constant.element != value.type.element {
          problems.append(
            Diagnostic(
              id: "graph.constant.type",
              "constant '\(value.name)' is \(constant.type), its value says \(value.type)"))
        }
      }
      if !names.insert(value.name).inserted {
        problems.append(
          Diagnostic(id: "graph.value.name", "two values are named '\(value.name)'"))
      }
    }
    for id in inputs where isValid(id) { defined[id.index] = true }
    for node in nodes {
      let place = SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place)
      let spec = node.spec
      guard (node.operands.compactMap { $0 } + node.results).allSatisfy(isValid) else {
        problems.append(
          Diagnostic(id: "graph.value.range", "refers to a value that does not exist", at: place))
        continue
      }
      for (index, operand) in node.operands.enumerated() {
        guard let wanted = spec.operand(at: index) else {
          problems.append(
            Diagnostic(
              id: "graph.operand.count",
              "has \(node.operands.count) operands, takes \(spec.operands.count)", at: place))
          break
        }
        if let operand {
          if !defined[operand.index] {
            problems.append(
              Diagnostic(
                id: "graph.operand.order",
                "uses '\(values[operand.index].name)' before it is made", at: place))
          }
        } else if !wanted.isOptional {
          problems.append(
            Diagnostic(
              id: "graph.operand.missing", "operand '\(wanted.name)' is missing", at: place))
        }
      }
      for id in node.results {
        if defined[id.index] {
          problems.append(
            Diagnostic(
              id: "graph.value.assigned", "'\(values[id.index].name)' is made twice", at: place))
        }
        defined[id.index] = true
      }
      do {
        let inferred = try node.op.resultTypes(types(of: node.operands))
        let actual = node.results.map { type(of: $0) }
        let same =
          inferred.count >= actual.count
          && zip(inferred, actual).allSatisfy {
            $0.shape == $1.shape && ($0.element == $1.element || $1.quantization != nil)
          }
        if !same {
          problems.append(
            Diagnostic(
              id: "graph.value.type", "makes \(inferred), its results say \(actual)", at: place))
        }
      } catch { problems.append(error.located(in: place)) }
    }
    for id in outputs where !isValid(id) || !defined[id.index] {
      problems.append(Diagnostic(id: "graph.output.undefined", "an output is never made"))
    }
    if outputNames.count != outputs.count || Set(outputNames).count != outputNames.count {
      problems.append(
        Diagnostic(id: "graph.output.name", "outputs \(outputNames) are not named one by one"))
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
  }

  /// Infers the types of all results again, keeping the quantization where element and shape stay.
  ///
  /// - Throws: the first operator's diagnostic.
  public mutating func inferTypes() throws(Diagnostic) {
    for node in nodes {
      let place = SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place)
      let inferred: [TensorType]
      do { inferred = try node.op.resultTypes(types(of: node.operands)) } catch {
        throw error.located(in: place)
      }
      for (id, type) in zip(node.results, inferred) where self[id].type != type {
        let old = self[id].type
        self[id].type = type
        if old.shape == type.shape, old.quantization != nil { self[id].type = old }
      }
    }
  }
}
