/// A Relay text as written: type definitions and functions, or one expression.
struct RelayModule {
  /// A version of the text format.
  enum Version: Equatable {
    /// `v0.0.4`: TVM up to 0.6.
    case v004
    /// `#[version = "0.0.5"]`: TVM 0.7 to 0.19.
    case v005
  }

  var version: Version = .v005
  /// The functions in the order of the text.
  var functions: [Definition] = []
  /// The algebraic data types.
  var types: [TypeDefinition] = []
  /// What the text consists of where it is no module.
  var expression: RelayExpression?
  /// Bytes of the document behind `#[metadata]`; `nil` where there is none.
  var metadata: Range<Int>?

  /// `def @name ...`.
  struct Definition {
    var name: String
    var offset: Int
    var function: FunctionSyntax
  }

  /// `type Name[A, B] { Constructor(...), ... }`.
  struct TypeDefinition {
    var name: String
    var offset: Int
    var parameters: [String]
    var constructors: [ConstructorSyntax]
    var isExtern: Bool
  }

  /// `Constructor(type, ...)`.
  struct ConstructorSyntax {
    var name: String
    var offset: Int
    var fields: [TypeSyntax]
  }
}

/// `fn [A](%x: T, attribute=...) -> T { ... }`.
final class FunctionSyntax: Sendable {
  /// A parameter.
  struct Parameter: Sendable {
    var name: String
    var offset: Int
    var type: TypeSyntax?
  }

  let typeParameters: [String]
  let parameters: [Parameter]
  let attributes: [AttributeSyntax]
  let result: TypeSyntax?
  let body: RelayExpression
  /// Where the function begins.
  let offset: Int

  init(
    typeParameters: [String], parameters: [Parameter], attributes: [AttributeSyntax],
    result: TypeSyntax?, body: RelayExpression, offset: Int
  ) {
    self.typeParameters = typeParameters
    self.parameters = parameters
    self.attributes = attributes
    self.result = result
    self.body = body
    self.offset = offset
  }
}

/// An expression and where it stands.
///
/// Nesting is bounded by the parser, so that walks over the tree may recurse.
struct RelayExpression: Sendable {
  /// What an expression is.
  indirect enum Kind: Sendable {
    case integer(Int, bits: Int)
    case float(Double, bits: Int)
    case bool(Bool)
    case string(String)
    case local(String)
    case global(String)
    case graph(Int)
    /// An operator or a constructor.
    case name(String)
    case meta(key: String, index: Int)
    case tuple([RelayExpression])
    case projection(RelayExpression, Int)
    case call(RelayExpression, [RelayExpression], [AttributeSyntax])
    case function(FunctionSyntax)
    case branch(RelayExpression, RelayExpression, RelayExpression)
    case block([Statement], RelayExpression)
    case match(RelayExpression, [Clause], isComplete: Bool)
    case reference(RelayExpression)
    case read(RelayExpression)
    case write(RelayExpression, RelayExpression)
    /// Behind a problem that was reported.
    case invalid
  }

  /// What stands before the value of a block.
  struct Statement: Sendable {
    enum Kind: Sendable {
      case bind(String, TypeSyntax?, RelayExpression)
      case graph(Int, RelayExpression)
      case sequence(RelayExpression)
      case free(String, TypeSyntax?)
    }
    var kind: Kind
    var offset: Int
  }

  /// `pattern => value`.
  struct Clause: Sendable {
    var pattern: PatternSyntax
    var value: RelayExpression
  }

  var kind: Kind
  /// Position in the text.
  var offset: Int
  /// Nesting of the tree.
  var depth: Int
}

/// A pattern of a match clause.
struct PatternSyntax: Sendable {
  indirect enum Kind: Sendable {
    case wildcard
    case local(String, TypeSyntax?)
    case constructor(String, [PatternSyntax])
    case tuple([PatternSyntax])
  }
  var kind: Kind
  var offset: Int
}

/// A type as written.
struct TypeSyntax: Sendable {
  indirect enum Kind: Sendable {
    /// Extents, `nil` for `?`; the element type's name.
    case tensor([Int?], String)
    case tuple([TypeSyntax])
    /// Type variables, operands, result.
    case function([String], [TypeSyntax], TypeSyntax)
    /// An algebraic data type or a type variable.
    case named(String, [TypeSyntax])
    case reference(TypeSyntax)
    /// `_`.
    case unknown
  }
  var kind: Kind
  var offset: Int
}

/// An attribute of a call or function.
struct AttributeSyntax: Sendable {
  indirect enum Value: Sendable {
    case int(Int)
    case float(Double)
    case bool(Bool)
    case string(String)
    case list([Value])
    /// `None` and `nullptr`.
    case null
    case meta(key: String, index: Int)
    /// An expression that is no literal.
    case expression(RelayExpression)
  }

  /// Name; empty for a whole attribute object of the metadata.
  var name: String
  var value: Value
  var offset: Int
}
