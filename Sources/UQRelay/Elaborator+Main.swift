import UQGraph
import UQNumerics
import UQSupport

extension Elaborator {
  /// Evaluates the program: `@main`, the only function, or the lone expression.
  mutating func run() {
    if let expression = module.expression {
      var scope = Scope()
      var value = evaluate(expression, &scope)
      if case .closure(let closure) = value { value = enter(closure.function, closure.scope) }
      addOutputs(value, nil, at: expression.offset)
      return
    }
    let only = module.functions.count == 1 ? module.functions.first?.function : nil
    guard let main = functions["main"] ?? only else {
      let names = module.functions.map { "@\($0.name)" }.joined(separator: ", ")
      let found = names.isEmpty ? "the module has no function" : "the module has \(names)"
      report(
        Diagnostic(id: "relay.main.missing", "there is no @main; \(found)"), isUnsupported: true)
      return
    }
    addOutputs(enter(main, Scope()), main.result, at: main.offset)
    for name in parameters.keys.sorted() where !usedParameters.contains(name) {
      warnings.append(
        Diagnostic(
          .warning, id: "relay.params.unused", "parameter '\(name)' of the file is not used",
          at: SourcePlace(file: source.path)))
    }
  }

  /// Evaluates a function on inputs of the graph.
  private mutating func enter(_ function: FunctionSyntax, _ outer: Scope) -> RelayValue {
    var scope = outer
    scope.path = ""
    var taken: Set<String> = []
    for parameter in function.parameters {
      var name = originalName(parameter.name, among: function)
      if !taken.insert(name).inserted { name = parameter.name }
      var value: RelayValue
      if let tensor = parameters[name] ?? parameters[parameter.name] {
        usedParameters.insert(parameters[name] == nil ? parameter.name : name)
        if tensor.element.isFloat { parameterCount += tensor.count }
        value = .tensor(builder.addConstant(tensor, name: name))
        if let type = parameter.type {
          check(&value, is: type, "the stored value of '%\(name)'", at: parameter.offset)
        }
      } else {
        value = input(name, parameter.type, at: parameter.offset)
      }
      scope.locals[parameter.name] = value
    }
    for attribute in function.attributes where attribute.name == "output_tensor_names" {
      guard case .list(let values) = attribute.value else { continue }
      outputLabels = values.compactMap { value in
        if case .string(let text) = value { text } else { nil }
      }
    }
    var result = evaluate(function.body, &scope)
    if let type = function.result { check(&result, is: type, "the result", at: type.offset) }
    return result
  }

  /// The name of a parameter before the printer told it from those of other functions by a number.
  private func originalName(_ name: String, among function: FunctionSyntax) -> String {
    let base = String(name.reversed().drop { $0.isASCII && $0.isNumber }.reversed())
    guard base != name, !base.isEmpty,
      !function.parameters.contains(where: { $0.name == base }), parameters[name] == nil
    else { return name }
    for definition in module.functions {
      if definition.function === function { break }
      if definition.function.parameters.contains(where: { $0.name == base }) { return base }
    }
    return name
  }

  // MARK: Inputs

  /// Adds inputs for a variable of a type; a tuple becomes one input for each field.
  mutating func input(_ name: String, _ type: TypeSyntax?, at offset: Int) -> RelayValue {
    switch type?.kind {
    case .tensor(let extents, let elementName)?:
      do throws(Diagnostic) {
        let type = try inputType(name, extents, elementName, at: offset)
        return .tensor(builder.addInput(name, type))
      } catch {
        report(error, isUnsupported: error.id != "relay.input.shape")
        return .unknown
      }
    case .tuple(let fields)?:
      return .tuple(
        fields.enumerated().map { input("\(name).\($0.offset)", $0.element, at: offset) })
    case nil, .unknown?:
      report(
        "relay.input.type", "the type of input '\(name)' is not given", at: offset,
        isUnsupported: true)
    default:
      report(
        "relay.input.type", "input '\(name)' is no tensor", at: offset, isUnsupported: true)
    }
    return .unknown
  }

  private func inputType(_ name: String, _ extents: [Int?], _ elementName: String, at offset: Int)
    throws(Diagnostic) -> TensorType
  {
    guard let element = ElementName.element(elementName) else {
      throw source.problem(
        "relay.input.type",
        "input '\(name)' has elements of \(elementName), which is not supported",
        at: offset)
    }
    var dimensions: [Int] = []
    let given = options.shapes[name]
    if let given, given.count != extents.count || given.contains(where: { $0 <= 0 }) {
      throw source.problem(
        "relay.input.shape",
        "the shape \(given) is given for input '\(name)' of rank \(extents.count)",
        at: offset)
    }
    for (axis, extent) in extents.enumerated() {
      if let extent, let given, given[axis] != extent {
        throw source.problem(
          "relay.input.shape",
          "the shape \(given) is given for input '\(name)', which has \(extent) on axis \(axis)",
          at: offset)
      }
      guard let known = extent ?? given?[axis] ?? (axis == 0 ? 1 : nil) else {
        let example = extents.enumerated().map { $1.map(String.init) ?? ($0 == 0 ? "1" : "?") }
        throw source.problem(
          "relay.input.dynamic",
          "input '\(name)' has an open extent on axis \(axis); give a shape with "
            + "--shape \(name)=\(example.joined(separator: ","))", at: offset)
      }
      dimensions.append(known)
    }
    guard let shape = Shape(checking: dimensions), shape.count <= GraphBuilder.largestValue else {
      throw source.problem(
        "relay.input.size", "input '\(name)' is too large: \(dimensions)", at: offset)
    }
    return TensorType(element, shape)
  }

  // MARK: Outputs

  private mutating func addOutputs(_ value: RelayValue, _ type: TypeSyntax?, at offset: Int) {
    var fieldTypes: [TypeSyntax] = []
    if case .tuple(let types)? = type?.kind { fieldTypes = types }
    switch value {
    case .tensor(let id):
      let name = "o\(outputs.count)"
      builder.addOutput(name, id)
      outputs.append((name, id, type))
    case .tuple(let fields):
      for (index, field) in fields.enumerated() {
        addOutputs(field, index < fieldTypes.count ? fieldTypes[index] : nil, at: offset)
      }
    case .unknown:
      if !fieldTypes.isEmpty {
        for fieldType in fieldTypes { addOutputs(.unknown, fieldType, at: offset) }
        return
      }
      outputs.append(("o\(outputs.count)", nil, type))
      if problems.isEmpty {
        report(
          "relay.output.unknown", "output \(outputs.count - 1) is no result that is supported",
          at: offset, isUnsupported: true)
      }
    default:
      report(
        "relay.output.kind",
        "the result is \(value.kind), only tensors and tuples of them are supported",
        at: offset, isUnsupported: true)
    }
  }

  // MARK: Types

  /// Checks a value against the type that the text gives for it; what does not fit is reported and
  /// becomes unknown.
  mutating func check(
    _ value: inout RelayValue, is type: TypeSyntax, _ what: String, at offset: Int
  ) {
    guard let found = mismatch(value, type) else { return }
    report(
      "relay.type.mismatch", "\(what) must be \(describe(type)), found \(found)", at: offset)
    value = .unknown
  }

  /// What a value is where it does not fit a type.
  private func mismatch(_ value: RelayValue, _ type: TypeSyntax) -> String? {
    switch (type.kind, value) {
    case (.unknown, _), (_, .unknown): return nil
    case (.tensor(let extents, let elementName), .tensor(let id)):
      let found = builder.type(of: id)
      let fits =
        ElementName.element(elementName) == found.element && extents.count == found.shape.rank
        && zip(extents, found.shape.dimensions).allSatisfy { $0 == nil || $0 == $1 }
      return fits ? nil : describe(found)
    case (.tuple(let types), .tuple(let fields)) where types.count == fields.count:
      for (field, type) in zip(fields, types) {
        if let found = mismatch(field, type) { return "a tuple with \(found)" }
      }
      return nil
    case (.function(_, let operands, _), .closure(let closure)):
      let count = closure.function.parameters.count
      return count == operands.count ? nil : "a function of \(count) operands"
    case (.function, .operatorName), (.function, .constructor): return nil
    case (.reference(let inner), .reference(let cell)): return mismatch(cell.value, inner)
    case (.named(let name, _), _):
      guard module.types.contains(where: { $0.name == name }) else { return nil }
      if case .data(let constructor, _) = value, constructors[constructor]?.type == name {
        return nil
      }
      return value.kind
    default:
      if case .tensor(let id) = value { return describe(builder.type(of: id)) }
      return value.kind
    }
  }

  private func describe(_ type: TensorType) -> String {
    "Tensor[(\(type.shape.dimensions.map(String.init).joined(separator: ", "))), \(type.element.name)]"
  }

  private func describe(_ type: TypeSyntax) -> String {
    switch type.kind {
    case .tensor(let extents, let element):
      "Tensor[(\(extents.map { $0.map(String.init) ?? "?" }.joined(separator: ", "))), \(element)]"
    case .tuple(let fields): "(\(fields.map(describe).joined(separator: ", ")))"
    case .function(_, let operands, let result):
      "fn (\(operands.map(describe).joined(separator: ", "))) -> \(describe(result))"
    case .named(let name, _): name
    case .reference(let inner): "ref(\(describe(inner)))"
    case .unknown: "_"
    }
  }
}

extension ElementName {
  /// The element type of a name; `nil` where there is none here (vectors, int4, handles).
  static func element(_ name: String) -> ElementType? {
    switch name {
    case "bool", "uint1": .bool
    case "int": .int32
    case "float": .float32
    default: ElementType(rawValue: name)
    }
  }
}
