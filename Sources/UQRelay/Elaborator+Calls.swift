import UQGraph
import UQNumerics
import UQSupport

extension Elaborator {
  /// The value of a call.
  mutating func call(
    _ callee: RelayExpression, _ operands: [RelayExpression], _ attributes: [AttributeSyntax],
    _ scope: inout Scope, name: String?, at offset: Int
  ) -> RelayValue {
    let target = evaluate(callee, &scope)
    var values: [RelayValue] = []
    for operand in operands { values.append(evaluate(operand, &scope)) }
    switch target {
    case .unknown: return .unknown
    case .operatorName(let operatorName):
      return apply(operatorName, values, attributes, scope, name: name, at: offset)
    case .constructor(let constructor): return .data(constructor, values)
    case .data(let constructor, _) where values.isEmpty: return .data(constructor, [])
    case .closure(let closure):
      var label = name
      if case .global(let global) = callee.kind { label = name.map { "\(global).\($0)" } ?? global }
      return apply(closure, values, operands, label, scope, at: offset)
    default:
      report(
        "relay.call.kind", "\(target.kind) is called, which is no function", at: callee.offset)
      return .unknown
    }
  }

  // MARK: Functions

  private mutating func apply(
    _ closure: Closure, _ values: [RelayValue], _ operands: [RelayExpression], _ label: String?,
    _ caller: Scope, at offset: Int
  ) -> RelayValue {
    let function = closure.function
    guard values.count == function.parameters.count else {
      report(
        "relay.call.arity",
        "the function takes \(function.parameters.count) operands, not \(values.count)", at: offset)
      return .unknown
    }
    guard callBudget > 0 else {
      if callBudget == 0 {
        callBudget = -1
        report(
          "relay.call.count", "the program makes more calls than are followed", at: offset,
          isUnsupported: true)
      }
      return .unknown
    }
    callBudget -= 1
    var scope = closure.scope
    scope.path = caller.path + fresh(label ?? "call") + "/"
    if scope.path.utf8.count > 200 { scope.path = fresh("call") + "/" }
    if let name = closure.name { scope.locals[name] = .closure(closure) }
    for (index, parameter) in function.parameters.enumerated() {
      var value = values[index]
      if let type = parameter.type {
        check(
          &value, is: type, "operand \(index) ('%\(parameter.name)')", at: operands[index].offset)
      }
      scope.locals[parameter.name] = value
    }
    var result = evaluate(function.body, &scope)
    if let type = function.result { check(&result, is: type, "the result", at: type.offset) }
    return result
  }

  // MARK: Operators

  /// Operators that stand for their operand where all memory is one.
  private static let identities: Set<String> = [
    "annotation.compiler_begin", "annotation.compiler_end", "annotation.stop_fusion",
    "annotation.cast_hint", "annotation.checkpoint", "on_device", "device_copy",
  ]

  private mutating func apply(
    _ operatorName: String, _ values: [RelayValue], _ attributes: [AttributeSyntax],
    _ scope: Scope, name: String?, at offset: Int
  ) -> RelayValue {
    var nodeName = scope.path + (name ?? operatorName)
    if name == nil || numbers[nodeName] != nil {
      nodeName = fresh(nodeName)
    } else {
      numbers[nodeName] = 1
    }
    var place = source.place(offset)
    place.node = nodeName
    place.operatorName = operatorName
    guard let rule = rules[operatorName] else {
      if Self.identities.contains(operatorName), let first = values.first { return first }
      let isKnown = OperatorSignatures.all[operatorName] != nil
      let hint =
        isKnown
        ? "" : OperatorSignatures.nearest(to: operatorName).map { "; did you mean '\($0)'?" } ?? ""
      report(
        Diagnostic(
          id: "relay.operator.unsupported", "operator '\(operatorName)' is not supported\(hint)",
          at: place, excerpt: source.excerpt(offset)), isUnsupported: true)
      return .unknown
    }
    var ids: [ValueID] = []
    for value in values {
      switch flatten(value, into: &ids) {
      case nil: continue
      case .unknown?: return .unknown
      case .other(let kind)?:
        report(
          Diagnostic(
            id: "relay.operand.kind",
            "an operand of operator '\(operatorName)' is \(kind), not a tensor", at: place,
            excerpt: source.excerpt(offset)))
        return .unknown
      }
    }
    guard let foreignAttributes = foreign(attributes, of: operatorName, at: place) else {
      return .unknown
    }
    let count = resultCount(operatorName, foreignAttributes)
    let node = ForeignNode(
      dialect: .relay, operatorName: operatorName, version: 0, name: nodeName,
      attributes: foreignAttributes, operands: ids,
      results: count.map { (0..<$0).map { "\(nodeName).\($0)" } } ?? [nodeName], place: place)
    return build(node, rule, count, ids, at: offset)
  }

  private mutating func build(
    _ node: ForeignNode, _ rule: ImportRule, _ count: Int?, _ ids: [ValueID], at offset: Int
  ) -> RelayValue {
    guard constantBudget >= 0 else { return .unknown }
    let before = builder.graph.values.count
    do throws(Diagnostic) {
      let results = try rule.build(node, &builder)
      for value in builder.graph.values[before...] where value.constant != nil {
        constantBudget -= value.type.byteCount
      }
      if constantBudget < 0 {
        report(
          "relay.constant.size", "the program computes constants out of proportion to its text",
          at: offset, isUnsupported: true)
      }
      guard let count else {
        if results.count == 1 { return .tensor(results[0]) }
        return .tuple(results.map { .tensor($0) })
      }
      let known = results.prefix(count).map { RelayValue.tensor($0) }
      return .tuple(known + Array(repeating: .unknown, count: max(0, count - known.count)))
    } catch {
      var problem = error.located(in: node.place)
      problem.excerpt = source.excerpt(offset)
      report(
        problem,
        isUnsupported: error.isBeyondSupport(operands: ids.map { builder.type(of: $0) }))
      return .unknown
    }
  }

  /// Why a value is no list of tensors.
  private enum Misfit {
    case unknown
    case other(String)
  }

  /// Appends the tensors of a value, in order; what prevents it.
  private func flatten(_ value: RelayValue, into ids: inout [ValueID]) -> Misfit? {
    switch value {
    case .tensor(let id):
      ids.append(id)
      return nil
    case .tuple(let fields):
      for field in fields {
        if let misfit = flatten(field, into: &ids) { return misfit }
      }
      return nil
    case .unknown: return .unknown
    default: return .other(value.kind)
    }
  }

  /// Number of fields of the tuple that an operator makes; `nil` where it makes a tensor, or as many
  /// tensors as its rule returns.
  private func resultCount(_ name: String, _ attributes: [String: ForeignAttribute]) -> Int? {
    switch (name, attributes["indices_or_sections"]) {
    case ("split", .int(let sections)?): return (1...1 << 16).contains(sections) ? sections : nil
    case ("split", .ints(let cuts)?): return cuts.count + 1
    case ("topk", _):
      if case .string(let wanted)? = attributes["ret_type"], wanted != "both" { return nil }
      return 2
    default: return OperatorSignatures.tupleResults[name]
    }
  }

  // MARK: Attributes

  /// Attributes as rules read them; `nil` where one cannot be, which is reported.
  private mutating func foreign(
    _ attributes: [AttributeSyntax], of operatorName: String, at place: SourcePlace
  ) -> [String: ForeignAttribute]? {
    var result: [String: ForeignAttribute] = [:]
    for attribute in attributes {
      do throws(Diagnostic) {
        if attribute.name.isEmpty, case .meta(let key, let index) = attribute.value {
          try addObject(key, index, of: operatorName, at: attribute.offset, to: &result)
        } else if let value = try foreign(attribute.value, at: attribute.offset) {
          result[attribute.name] = value
        } else {
          result[attribute.name] = nil
        }
      } catch {
        report(
          error.located(in: place),
          isUnsupported: error.id == "relay.attribute.unsupported"
            || error.id == "relay.constant.unsupported")
        return nil
      }
    }
    return result
  }

  private func foreign(_ value: AttributeSyntax.Value, at offset: Int) throws(Diagnostic)
    -> ForeignAttribute?
  {
    switch value {
    case .int(let value): return .int(value)
    case .float(let value): return .float(Float(value))
    case .bool(let value): return .int(value ? 1 : 0)
    case .string(let value): return .string(value)
    case .null: return nil
    case .list(let values): return try list(values, at: offset)
    case .meta("relay.Constant", let index):
      guard let metadata else { return nil }
      return .tensor(try metadata.constant(index, at: offset))
    case .meta(let key, _):
      throw source.problem(
        "relay.attribute.unsupported", "an attribute is meta[\(key)], which is not supported",
        at: offset)
    case .expression:
      throw source.problem(
        "relay.attribute.unsupported", "an attribute is an expression, which is not supported",
        at: offset)
    }
  }

  /// A list with those inside it joined, all of one kind.
  private func list(_ values: [AttributeSyntax.Value], at offset: Int) throws(Diagnostic)
    -> ForeignAttribute
  {
    var flat: [AttributeSyntax.Value] = []
    func add(_ values: [AttributeSyntax.Value]) {
      for value in values {
        if case .list(let inner) = value { add(inner) } else { flat.append(value) }
      }
    }
    add(values)
    var ints: [Int] = []
    var floats: [Float] = []
    var strings: [String] = []
    for value in flat {
      switch value {
      case .int(let value):
        ints.append(value)
        floats.append(Float(value))
      case .bool(let value):
        ints.append(value ? 1 : 0)
        floats.append(value ? 1 : 0)
      case .float(let value): floats.append(Float(value))
      case .string(let value): strings.append(value)
      default:
        throw source.problem(
          "relay.attribute.unsupported", "a list holds other values than numbers and strings",
          at: offset)
      }
    }
    if ints.count == flat.count { return .ints(ints) }
    if floats.count == flat.count { return .floats(floats) }
    guard strings.count == flat.count else {
      throw source.problem(
        "relay.attribute.list", "a list holds both numbers and strings", at: offset)
    }
    return .strings(strings)
  }

  /// Operators whose numbers are objects of their own in the metadata.
  private static let boxedNumbers: Set<String> = [
    "cumprod", "cumsum", "gather", "scatter_elements",
  ]

  /// The attributes of an object of the metadata, by the kinds that the operator's have.
  private func addObject(
    _ key: String, _ index: Int, of operatorName: String, at offset: Int,
    to result: inout [String: ForeignAttribute]
  ) throws(Diagnostic) {
    guard let metadata else { return }
    let kinds = OperatorSignatures.all[operatorName]?.attributes ?? [:]
    for (name, text) in try metadata.attributes(key, index, at: offset) {
      var number = Int(text)
      if Self.boxedNumbers.contains(operatorName), let place = number,
        metadata.typeKey(ofObject: place) == "IntImm"
      {
        number = metadata.integers(ofObject: place)?.first
      }
      switch kinds[name] {
      case .int?, .bool?, .any?: if let number { result[name] = .int(number) }
      case .number?: if let value = Double(text) { result[name] = .float(Float(value)) }
      case .text?:
        let object = number.flatMap { metadata.string(ofObject: $0) }
        result[name] = .string(object ?? text)
      case .list?:
        guard let number, metadata.typeKey(ofObject: number)?.isEmpty == false else { continue }
        if let values = metadata.integers(ofObject: number) {
          result[name] = .ints(values)
        } else if let values = metadata.numbers(ofObject: number) {
          result[name] = .floats(values)
        } else {
          throw source.problem(
            "relay.attribute.unsupported",
            "attribute '\(name)' is a list of other things than numbers", at: offset)
        }
      case nil: break
      }
    }
  }
}
