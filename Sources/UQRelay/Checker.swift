import UQSupport

/// Checks a syntax tree for what no evaluation is needed to see: names, numbers of operands,
/// attributes.
struct Checker {
  let source: SourceText
  let module: RelayModule
  /// Names of operators that have import rules.
  let known: Set<String>
  var problems: [Diagnostic] = []
  private var locals: Set<String> = []
  private var graph: Set<Int> = []
  private var typeVariables: Set<String> = []
  private let globals: Set<String>
  private let types: [String: Int?]
  private var constructors: [String: Int] = [:]

  /// Checks a module.
  static func check(_ module: RelayModule, _ source: SourceText, known: Set<String>) -> [Diagnostic]
  {
    DeepStack.run {
      var checker = Checker(module, source, known: known)
      checker.run()
      return checker.problems
    }
  }

  private init(_ module: RelayModule, _ source: SourceText, known: Set<String>) {
    self.module = module
    self.source = source
    self.known = known
    globals = Set(module.functions.map(\.name))
    types = Dictionary(
      module.types.map { ($0.name, $0.parameters.count) }, uniquingKeysWith: { first, _ in first })
  }

  private mutating func report(_ id: String, _ message: String, at offset: Int) {
    guard problems.count < 200 else { return }
    problems.append(source.problem(id, message, at: offset))
  }

  private mutating func run() {
    for type in module.types {
      typeVariables = Set(type.parameters)
      for constructor in type.constructors {
        if constructors.updateValue(constructor.fields.count, forKey: constructor.name) != nil {
          report(
            "relay.constructor.duplicate", "constructor '\(constructor.name)' is defined twice",
            at: constructor.offset)
        }
      }
    }
    for type in module.types {
      typeVariables = Set(type.parameters)
      for constructor in type.constructors { constructor.fields.forEach { check($0) } }
    }
    typeVariables = []
    for definition in module.functions {
      locals = []
      graph = []
      check(definition.function)
    }
    locals = []
    graph = []
    if let expression = module.expression { check(expression) }
  }

  // MARK: Types

  private mutating func check(_ type: TypeSyntax) {
    switch type.kind {
    case .tensor, .unknown: break
    case .tuple(let fields): for field in fields { check(field) }
    case .function(let variables, let operands, let result):
      let outer = typeVariables
      typeVariables.formUnion(variables)
      for operand in operands { check(operand) }
      check(result)
      typeVariables = outer
    case .reference(let inner): check(inner)
    case .named(let name, let operands):
      if !typeVariables.contains(name) {
        guard let count = types[name] ?? nil else {
          report("relay.type.undefined", "type '\(name)' is not defined", at: type.offset)
          return
        }
        if operands.count != count, !operands.isEmpty {
          report(
            "relay.type.arity", "type '\(name)' takes \(count) types, not \(operands.count)",
            at: type.offset)
        }
      }
      for operand in operands { check(operand) }
    }
  }

  // MARK: Functions

  private mutating func check(_ function: FunctionSyntax) {
    let (outerLocals, outerGraph, outerVariables) = (locals, graph, typeVariables)
    typeVariables.formUnion(function.typeParameters)
    var own: Set<String> = []
    for parameter in function.parameters {
      if !own.insert(parameter.name).inserted {
        report(
          "relay.parameter.duplicate",
          "parameter '%\(parameter.name)' is declared twice (TVM would silently use the first)",
          at: parameter.offset)
      }
      if let type = parameter.type { check(type) }
    }
    if let result = function.result { check(result) }
    locals.formUnion(own)
    if case .block(let statements, _) = function.body.kind, let first = statements.first,
      case .bind(let name, _, _) = first.kind, own.contains(name)
    {
      report(
        "relay.local.shadow",
        "'%\(name)' is a parameter of this function; name the variable otherwise (TVM would "
          + "silently use the parameter)", at: first.offset)
    }
    check(function.body)
    (locals, graph, typeVariables) = (outerLocals, outerGraph, outerVariables)
  }

  // MARK: Expressions

  private mutating func check(_ expression: RelayExpression) {
    let offset = expression.offset
    switch expression.kind {
    case .integer, .float, .bool, .string, .invalid, .meta: break
    case .local(let name):
      if !locals.contains(name) {
        report("relay.local.undefined", "variable '%\(name)' is not declared", at: offset)
      }
    case .global(let name):
      if !globals.contains(name), module.expression == nil {
        report("relay.global.undefined", "function '@\(name)' is not defined", at: offset)
      }
    case .graph(let number):
      if !graph.contains(number) {
        report("relay.graph.undefined", "'%\(number)' is not bound before this", at: offset)
      }
    case .name(let name): checkName(name, isCalled: false, at: offset)
    case .tuple(let fields): for field in fields { check(field) }
    case .projection(let tuple, _): check(tuple)
    case .call(let callee, let operands, let attributes):
      checkCall(callee, operands, attributes, at: offset)
    case .function(let function): check(function)
    case .branch(let condition, let then, let otherwise):
      check(condition)
      let outer = locals
      check(then)
      locals = outer
      check(otherwise)
      locals = outer
    case .block(let statements, let value):
      let outer = locals
      for statement in statements { check(statement) }
      check(value)
      locals = outer
    case .match(let value, let clauses, _):
      check(value)
      let outer = locals
      for clause in clauses {
        check(clause.pattern)
        check(clause.value)
        locals = outer
      }
    case .reference(let value), .read(let value): check(value)
    case .write(let reference, let value):
      check(reference)
      check(value)
    }
  }

  private mutating func check(_ statement: RelayExpression.Statement) {
    switch statement.kind {
    case .bind(let name, let type, let value):
      if let type { check(type) }
      // A function may call itself; any other value would need itself to be known.
      if case .function = value.kind {
        locals.insert(name)
        check(value)
      } else {
        let shadowed = locals.remove(name) != nil
        let before = problems.count
        check(value)
        if shadowed, problems.count > before {
          for index in before..<problems.count
          where problems[index].message == "variable '%\(name)' is not declared" {
            problems[index].message = "'%\(name)' is used in its own value"
          }
        }
        locals.insert(name)
      }
    case .graph(let number, let value):
      check(value)
      if !graph.insert(number).inserted {
        report(
          "relay.graph.duplicate",
          "'%\(number)' is bound twice (TVM would silently use the first)", at: statement.offset)
      }
    case .sequence(let value): check(value)
    case .free(let name, let type):
      if let type { check(type) }
      if module.expression == nil {
        report(
          "relay.local.free", "'free_var' stands only in a lone expression", at: statement.offset)
      }
      locals.insert(name)
    }
  }

  private mutating func check(_ pattern: PatternSyntax) {
    switch pattern.kind {
    case .wildcard: break
    case .local(let name, let type):
      if let type { check(type) }
      locals.insert(name)
    case .tuple(let fields): for field in fields { check(field) }
    case .constructor(let name, let fields):
      guard let count = constructors[name] else {
        report(
          "relay.constructor.undefined", "constructor '\(name)' is not defined", at: pattern.offset)
        return
      }
      if fields.count != count {
        report(
          "relay.constructor.arity",
          "constructor '\(name)' has \(count) fields, the pattern \(fields.count)",
          at: pattern.offset)
      }
      for field in fields { check(field) }
    }
  }

  private mutating func checkName(_ name: String, isCalled: Bool, at offset: Int) {
    if constructors[name] != nil || OperatorSignatures.all[name] != nil || known.contains(name) {
      return
    }
    let first = name.split(separator: ".").first.map(String.init) ?? ""
    // A call may be of an operator of a fork of TVM, which is reported as not supported.
    if isCalled || name.contains(".") && OperatorSignatures.namespaces.contains(first) { return }
    let hint = OperatorSignatures.nearest(to: name).map { "; did you mean '\($0)'?" } ?? ""
    report("relay.operator.unknown", "there is no operator '\(name)'\(hint)", at: offset)
  }

  // MARK: Calls

  private mutating func checkCall(
    _ callee: RelayExpression, _ operands: [RelayExpression], _ attributes: [AttributeSyntax],
    at offset: Int
  ) {
    switch callee.kind {
    case .name(let name):
      checkName(name, isCalled: true, at: callee.offset)
      if let count = constructors[name] {
        if count != operands.count {
          report(
            "relay.constructor.arity",
            "constructor '\(name)' takes \(count) fields, not \(operands.count)", at: offset)
        }
      } else if let signature = OperatorSignatures.all[name] {
        check(attributes, of: name, signature, operands.count, at: offset)
      }
    default: check(callee)
    }
    for operand in operands { check(operand) }
    for attribute in attributes {
      if case .expression(let value) = attribute.value { check(value) }
    }
  }

  private mutating func check(
    _ attributes: [AttributeSyntax], of name: String,
    _ signature: OperatorSignatures.Signature, _ operandCount: Int, at offset: Int
  ) {
    let range = signature.operands
    if !range.contains(operandCount) {
      let wanted =
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      report(
        "relay.operator.arity", "operator '\(name)' takes \(wanted) operands, not \(operandCount)",
        at: offset)
    }
    guard let kinds = signature.attributes, !attributes.contains(where: { $0.name.isEmpty }) else {
      return
    }
    for attribute in attributes {
      guard let kind = kinds[attribute.name] else {
        let list = kinds.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
        report(
          "relay.attribute.unknown",
          "operator '\(name)' has no attribute '\(attribute.name)'; it has "
            + (list.isEmpty ? "none" : list), at: attribute.offset)
        continue
      }
      if !attribute.value.fits(kind) {
        report(
          "relay.attribute.type",
          "attribute '\(attribute.name)' of operator '\(name)' must be \(kind.described)",
          at: attribute.offset)
      }
    }
    for wanted in signature.required where !attributes.contains(where: { $0.name == wanted }) {
      report(
        "relay.attribute.missing", "operator '\(name)' needs attribute '\(wanted)'", at: offset)
    }
  }
}

extension OperatorSignatures.Kind {
  fileprivate var described: String {
    switch self {
    case .int: "a whole number"
    case .number: "a number"
    case .bool: "True or False"
    case .text: "a string"
    case .list: "a list in brackets"
    case .any: "a value"
    }
  }
}

extension AttributeSyntax.Value {
  fileprivate func fits(_ kind: OperatorSignatures.Kind) -> Bool {
    switch (kind, self) {
    case (_, .null), (.any, _), (_, .meta), (_, .expression): true
    case (.int, .int), (.int, .bool), (.bool, .int), (.bool, .bool), (.text, .string),
      (.number, .int), (.number, .float), (.number, .bool):
      true
    case (.list, .list(let values)):
      values.allSatisfy { value in
        switch value {
        case .string, .null: false
        default: true
        }
      }
    default: false
    }
  }
}
