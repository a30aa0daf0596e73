/// Which functions of a module call which.
enum CallGraph {
  /// Whether a function may call itself, directly or through others.
  static func isRecursive(_ module: RelayModule) -> Bool {
    var uses: [String: Set<String>] = [:]
    var isLocal = false
    for definition in module.functions {
      var found: Set<String> = []
      definition.function.body.walk { expression in
        switch expression.kind {
        case .global(let name): found.insert(name)
        case .block(let statements, _):
          // A bound function may refer to itself.
          for statement in statements {
            if case .bind(let name, _, let value) = statement.kind, case .function = value.kind,
              value.mentions(name)
            {
              isLocal = true
            }
          }
        default: break
        }
      }
      uses[definition.name] = found
    }
    if isLocal { return true }
    // Functions that call nothing unresolved are removed until none is left, or only circles are.
    var rest = uses
    while let leaf = rest.first(where: { $0.value.isDisjoint(with: rest.keys) })?.key {
      rest[leaf] = nil
    }
    return !rest.isEmpty
  }
}

extension RelayExpression {
  /// The expressions directly below.
  var parts: [RelayExpression] {
    switch kind {
    case .integer, .float, .bool, .string, .local, .global, .graph, .name, .meta, .invalid: []
    case .tuple(let fields): fields
    case .projection(let value, _), .reference(let value), .read(let value): [value]
    case .call(let callee, let operands, _): [callee] + operands
    case .function(let function): [function.body]
    case .branch(let condition, let then, let otherwise): [condition, then, otherwise]
    case .block(let statements, let value):
      statements.compactMap { statement in
        switch statement.kind {
        case .bind(_, _, let value), .graph(_, let value), .sequence(let value): value
        case .free: nil
        }
      } + [value]
    case .match(let value, let clauses, _): [value] + clauses.map(\.value)
    case .write(let reference, let value): [reference, value]
    }
  }

  /// Visits the expression and all below.
  func walk(_ visit: (RelayExpression) -> Void) {
    visit(self)
    for part in parts { part.walk(visit) }
  }

  /// Whether a variable of the name occurs.
  func mentions(_ name: String) -> Bool {
    if case .local(let own) = kind, own == name { return true }
    return parts.contains { $0.mentions(name) }
  }

  /// Whether it consists of operators and variables only, so that its evaluation ends.
  var isPlain: Bool {
    switch kind {
    case .branch, .match, .block: return false
    case .function: return true
    case .call(let callee, _, _):
      guard case .name = callee.kind else { return false }
    default: break
    }
    return parts.allSatisfy(\.isPlain)
  }
}
