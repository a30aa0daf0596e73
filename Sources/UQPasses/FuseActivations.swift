import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes clips the fused bounds of the operator in front of them, where nothing else uses its result.
public struct FuseActivations: Pass {
  /// Creates the pass.
  public init() {}
  /// `fuse-activations`.
  public static let name = "fuse-activations"
  /// No clip follows an operator that can carry it.
  public static let establishes: Invariants = .activationsFused

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard let clip = node.op as? Clip, let x = node.operands[0],
        editor.graph.type(of: x).element.isFloat,
        let (index, carrier) = editor.soleProducer(x), carrier.results.count == 1,
        let op = carrier.op.bounded(by: clip.bounds)
      else { return editor.keep(node) }
      var producer = carrier
      producer.op = op
      producer.results = node.results
      editor.update(at: index, with: producer)
    }
  }
}

extension Operator {
  /// The operator with its result clamped to bounds as well; `nil` where it carries none.
  func bounded(by bounds: Clamp) -> (any Operator)? {
    switch self {
    case var op as Conv2D:
      op.activation = op.activation.then(bounds)
      return op
    case var op as DepthwiseConv2D:
      op.activation = op.activation.then(bounds)
      return op
    case var op as BinaryConv2D where !op.signsResult:
      op.activation = op.activation.then(bounds)
      return op
    case var op as FullyConnected:
      op.activation = op.activation.then(bounds)
      return op
    case var op as Add:
      op.activation = op.activation.then(bounds)
      return op
    case var op as Subtract:
      op.activation = op.activation.then(bounds)
      return op
    case var op as Multiply:
      op.activation = op.activation.then(bounds)
      return op
    case var op as Clip:
      op.bounds = op.bounds.then(bounds)
      return op
    default: return nil
    }
  }

  /// The bounds that the operator clamps its result to; `nil` where it carries none.
  var resultBounds: Clamp? {
    switch self {
    case let op as Conv2D: op.activation
    case let op as DepthwiseConv2D: op.activation
    case let op as BinaryConv2D where !op.signsResult: op.activation
    case let op as FullyConnected: op.activation
    case let op as Add: op.activation
    case let op as Subtract: op.activation
    case let op as Multiply: op.activation
    case let op as Divide: op.activation
    case let op as Clip: op.bounds
    default: nil
    }
  }
}
