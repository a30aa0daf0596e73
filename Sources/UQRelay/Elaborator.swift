import UQGraph
import UQNumerics
import UQSupport

/// Turns a program into a graph by evaluating `@main` on tensors that are not known yet.
///
/// Functions are inlined, closures applied, tuples taken apart; `if`, `match` and recursion must be
/// decided by constants.
struct Elaborator {
  /// A problem, and whether the program is sound and only beyond what is supported.
  struct Problem {
    var diagnostic: Diagnostic
    var isUnsupported: Bool
  }

  static let problemLimit = 1000
  /// Evaluations within each other.
  static let depthLimit = 8000

  let source: SourceText
  let module: RelayModule
  let metadata: Metadata?
  let parameters: [String: Tensor]
  let options: RelayOptions
  let rules: [String: ImportRule]
  let functions: [String: FunctionSyntax]
  /// Type and number of fields of each constructor.
  let constructors: [String: (type: String, fields: Int)]
  /// Whether some function may call itself.
  let isRecursive: Bool
  var builder = GraphBuilder(name: "main")
  var problems: [Problem] = []
  var warnings: [Diagnostic] = []
  /// Elements of the floating-point constants of the metadata and parameters used.
  var parameterCount = 0
  var constants: [Int: ValueID] = [:]
  var usedParameters: Set<String> = []
  var depth = 0
  /// Calls that may still be made.
  var callBudget = 1 << 18
  /// Bytes of folded constants that may still be made.
  var constantBudget: Int
  var numbers: [String: Int] = [:]
  /// Names that the frontend gave the outputs.
  var outputLabels: [String] = []
  /// The outputs; without a value behind a problem, and with the declared type where there is one.
  var outputs: [(name: String, value: ValueID?, type: TypeSyntax?)] = []

  init(
    _ module: RelayModule, _ source: SourceText, _ metadata: Metadata?,
    parameters: [String: Tensor], options: RelayOptions, rules: [String: ImportRule]
  ) {
    self.module = module
    self.source = source
    self.metadata = metadata
    self.parameters = parameters
    self.options = options
    self.rules = rules
    functions = Dictionary(
      module.functions.map { ($0.name, $0.function) }, uniquingKeysWith: { first, _ in first })
    var constructors: [String: (type: String, fields: Int)] = [:]
    for type in module.types {
      for constructor in type.constructors {
        constructors[constructor.name] = (type.name, constructor.fields.count)
      }
    }
    self.constructors = constructors
    isRecursive = CallGraph.isRecursive(module)
    constantBudget = 1 << 29 + 8 * source.bytes.count
  }

  // MARK: Problems

  mutating func report(
    _ id: String, _ message: String, at offset: Int, isUnsupported: Bool = false
  ) {
    report(source.problem(id, message, at: offset), isUnsupported: isUnsupported)
  }

  mutating func report(_ diagnostic: Diagnostic, isUnsupported: Bool = false) {
    guard problems.count < Self.problemLimit else { return }
    problems.append(
      Problem(
        diagnostic: diagnostic.located(in: SourcePlace(file: source.path)),
        isUnsupported: isUnsupported))
  }

  /// A name that no node has yet.
  mutating func fresh(_ base: String) -> String {
    let number = numbers[base, default: 0]
    numbers[base] = number + 1
    return number == 0 ? base : "\(base).\(number)"
  }

  // MARK: Expressions

  /// The value of an expression; `name` is what its node is called.
  mutating func evaluate(_ expression: RelayExpression, _ scope: inout Scope, name: String? = nil)
    -> RelayValue
  {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else {
      if callBudget >= 0 {
        report(
          "relay.call.depth",
          "the calls do not end within \(Self.depthLimit) levels; recursion is "
            + "supported where constants decide it", at: expression.offset, isUnsupported: true)
      }
      callBudget = -1
      return .unknown
    }
    let offset = expression.offset
    switch expression.kind {
    case .invalid, .string: return .unknown
    case .integer(let value, let bits):
      let element: ElementType = bits == 16 ? .int16 : bits == 64 ? .int64 : .int32
      return constant(Tensor([Int64(value)], []).converted(to: element))
    case .float(let value, let bits):
      let element: ElementType = bits == 16 ? .float16 : bits == 64 ? .float64 : .float32
      return constant(Tensor([value], []).converted(to: element))
    case .bool(let value): return constant(Tensor([value], []))
    case .local(let name): return scope.locals[name] ?? .unknown
    case .graph(let number): return value(ofGraph: number, scope, at: offset)
    case .global(let name):
      guard let function = functions[name] else {
        report(
          "relay.global.undefined", "function '@\(name)' is not defined", at: offset,
          isUnsupported: module.expression != nil)
        return .unknown
      }
      return .closure(Closure(function, Scope(path: scope.path), name: nil))
    case .name(let name):
      if let constructor = constructors[name] {
        return constructor.fields == 0 ? .data(name, []) : .constructor(name)
      }
      return .operatorName(name)
    case .meta(let key, let index): return metaConstant(key, index, at: offset)
    case .tuple(let fields): return .tuple(fields.map { evaluate($0, &scope) })
    case .projection(let tuple, let index):
      return project(evaluate(tuple, &scope, name: name), index, at: offset)
    case .call(let callee, let operands, let attributes):
      return call(callee, operands, attributes, &scope, name: name, at: offset)
    case .function(let function): return .closure(Closure(function, scope))
    case .branch(let condition, let then, let otherwise):
      return branch(condition, then, otherwise, &scope, name: name)
    case .block(let statements, let value):
      let outer = scope.locals
      for statement in statements { run(statement, &scope) }
      let result = evaluate(value, &scope, name: name)
      scope.locals = outer
      return result
    case .match(let value, let clauses, _):
      return match(value, clauses, &scope, name: name, at: offset)
    case .reference(let value): return .reference(Cell(evaluate(value, &scope)))
    case .read(let reference): return read(evaluate(reference, &scope), at: offset)
    case .write(let reference, let value):
      let target = evaluate(reference, &scope)
      let written = evaluate(value, &scope)
      if case .reference(let cell) = target {
        cell.value = written
      } else if case .unknown = target {
        return .unknown
      } else {
        reportKind("a reference", target, at: offset)
      }
      return .tuple([])
    }
  }

  private mutating func reportKind(_ wanted: String, _ found: RelayValue, at offset: Int) {
    report("relay.type.kind", "expected \(wanted), found \(found.kind)", at: offset)
  }

  private mutating func read(_ value: RelayValue, at offset: Int) -> RelayValue {
    switch value {
    case .reference(let cell): return cell.value
    case .unknown: return .unknown
    default:
      reportKind("a reference", value, at: offset)
      return .unknown
    }
  }

  private mutating func project(_ value: RelayValue, _ index: Int, at offset: Int) -> RelayValue {
    switch value {
    case .unknown: return .unknown
    case .tuple(let fields):
      guard index < fields.count else {
        report(
          "relay.tuple.index", "field \(index) is asked for of \(value.kind)", at: offset)
        return .unknown
      }
      return fields[index]
    default:
      reportKind("a tuple", value, at: offset)
      return .unknown
    }
  }

  private mutating func run(_ statement: RelayExpression.Statement, _ scope: inout Scope) {
    switch statement.kind {
    case .bind(let name, let type, let expression):
      var value: RelayValue
      if case .function(let function) = expression.kind {
        value = .closure(Closure(function, scope, name: name))
      } else {
        value = evaluate(expression, &scope, name: name == "_" ? nil : name)
      }
      if let type { check(&value, is: type, "'%\(name)'", at: expression.offset) }
      scope.locals[name] = value
    case .graph(let number, let expression):
      if isRecursive, !expression.isPlain {
        scope.graph[number] = GraphBinding(.pending(expression, scope))
      } else {
        let value = evaluate(expression, &scope, name: "%\(number)")
        scope.graph[number] = GraphBinding(.value(value))
      }
    case .sequence(let expression): _ = evaluate(expression, &scope)
    case .free(let name, let type):
      scope.locals[name] = input(name, type, at: statement.offset)
    }
  }

  private mutating func value(ofGraph number: Int, _ scope: Scope, at offset: Int) -> RelayValue {
    guard let binding = scope.graph[number] else {
      report(
        "relay.graph.branch", "'%\(number)' is bound in a branch that is not taken", at: offset,
        isUnsupported: true)
      return .unknown
    }
    switch binding.state {
    case .value(let value): return value
    case .pending(let expression, var outer):
      let value = evaluate(expression, &outer, name: "%\(number)")
      binding.state = .value(value)
      return value
    }
  }

  private mutating func branch(
    _ condition: RelayExpression, _ then: RelayExpression, _ otherwise: RelayExpression,
    _ scope: inout Scope, name: String?
  ) -> RelayValue {
    let decided = evaluate(condition, &scope)
    switch decided {
    case .unknown: return .unknown
    case .tensor(let id):
      let type = builder.type(of: id)
      guard type.element == .bool, type.shape.rank == 0 else {
        report(
          "relay.if.condition", "a condition must be a bool, this is \(type)", at: condition.offset)
        return .unknown
      }
      guard let constant = builder.constant(id) else {
        report(
          "relay.if.dynamic", "the choice depends on data; only constants may decide an 'if'",
          at: condition.offset, isUnsupported: true)
        return .unknown
      }
      let outer = scope.locals
      defer { scope.locals = outer }
      return evaluate(constant.integers.first == 0 ? otherwise : then, &scope, name: name)
    default:
      reportKind("a condition", decided, at: condition.offset)
      return .unknown
    }
  }

  // MARK: Match

  private mutating func match(
    _ expression: RelayExpression, _ clauses: [RelayExpression.Clause], _ scope: inout Scope,
    name: String?, at offset: Int
  ) -> RelayValue {
    let value = evaluate(expression, &scope)
    let outer = scope.locals
    defer { scope.locals = outer }
    for clause in clauses {
      scope.locals = outer
      guard let fits = fit(value, clause.pattern, &scope) else { return .unknown }
      if fits { return evaluate(clause.value, &scope, name: name) }
    }
    if case .unknown = value { return .unknown }
    report("relay.match.none", "no clause matches \(value.kind)", at: offset)
    return .unknown
  }

  /// Whether a value fits a pattern, whose variables are bound; `nil` where it cannot be told.
  private mutating func fit(_ value: RelayValue, _ pattern: PatternSyntax, _ scope: inout Scope)
    -> Bool?
  {
    switch (pattern.kind, value) {
    case (.wildcard, _): return true
    case (.local(let name, let type), _):
      var value = value
      if let type { check(&value, is: type, "'%\(name)'", at: pattern.offset) }
      scope.locals[name] = value
      return true
    case (_, .unknown): return nil
    case (.constructor(let name, let patterns), .data(let found, let fields)):
      guard name == found else { return false }
      return fit(fields, patterns, &scope)
    case (.tuple(let patterns), .tuple(let fields)) where patterns.count == fields.count:
      return fit(fields, patterns, &scope)
    default:
      reportKind("what the pattern describes", value, at: pattern.offset)
      return nil
    }
  }

  private mutating func fit(
    _ fields: [RelayValue], _ patterns: [PatternSyntax], _ scope: inout Scope
  ) -> Bool? {
    for (field, pattern) in zip(fields, patterns) {
      guard let fits = fit(field, pattern, &scope) else { return nil }
      if !fits { return false }
    }
    return true
  }

  // MARK: Constants

  mutating func constant(_ tensor: Tensor) -> RelayValue {
    .tensor(builder.addConstant(tensor, name: fresh("constant")))
  }

  private mutating func metaConstant(_ key: String, _ index: Int, at offset: Int) -> RelayValue {
    guard let metadata else { return .unknown }
    guard key == "relay.Constant" else {
      report(
        "relay.metadata.kind", "meta[\(key)] is no constant and cannot stand here", at: offset,
        isUnsupported: true)
      return .unknown
    }
    if let known = constants[index] { return .tensor(known) }
    do throws(Diagnostic) {
      let tensor = try metadata.constant(index, at: offset)
      if tensor.element.isFloat { parameterCount += tensor.count }
      let id = builder.addConstant(tensor, name: fresh("meta.\(index)"))
      constants[index] = id
      return .tensor(id)
    } catch {
      report(error, isUnsupported: error.id == "relay.constant.unsupported")
      return .unknown
    }
  }
}
