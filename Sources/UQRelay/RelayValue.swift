import UQGraph

/// What an expression stands for while a program is turned into a graph.
indirect enum RelayValue {
  /// A tensor of the graph.
  case tensor(ValueID)
  case tuple([RelayValue])
  case closure(Closure)
  /// An operator that is not called yet.
  case operatorName(String)
  /// A constructor that is not applied yet.
  case constructor(String)
  /// A constructor applied to its fields.
  case data(String, [RelayValue])
  case reference(Cell)
  /// Behind a problem that was reported.
  case unknown

  /// What it is, for messages.
  var kind: String {
    switch self {
    case .tensor: "a tensor"
    case .tuple(let fields): "a tuple of \(fields.count)"
    case .closure: "a function"
    case .operatorName(let name): "the operator '\(name)'"
    case .constructor(let name): "the constructor '\(name)'"
    case .data(let name, _): "a value of constructor '\(name)'"
    case .reference: "a reference"
    case .unknown: "unknown"
    }
  }
}

/// A function with the variables around it.
final class Closure {
  let function: FunctionSyntax
  let scope: Scope
  /// Name under which the function sees itself.
  let name: String?

  init(_ function: FunctionSyntax, _ scope: Scope, name: String? = nil) {
    self.function = function
    self.scope = scope
    self.name = name
  }
}

/// What a reference refers to.
final class Cell {
  var value: RelayValue
  init(_ value: RelayValue) { self.value = value }
}

/// The variables that an expression sees.
struct Scope {
  /// `%name`.
  var locals: [String: RelayValue] = [:]
  /// `%3`.
  var graph: [Int: GraphBinding] = [:]
  /// Put before the names of nodes.
  var path = ""
}

/// The value of `%3`, computed when first used where the program has recursion.
final class GraphBinding {
  enum State {
    case pending(RelayExpression, Scope)
    case value(RelayValue)
  }
  var state: State
  init(_ state: State) { self.state = state }
}
