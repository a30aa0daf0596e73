import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes a product and a sum with a constant for each channel, which no layer could take, one depthwise
/// convolution of one tap.
///
/// Normalisations at an input, or between a rounding to steps and a padded layer, so are rounded once in place of
/// twice, with a scale for each channel.
public struct MergeChannelAffines: Pass {
  /// Creates the pass.
  public init() {}
  /// `merge-channel-affines`.
  public static let name = "merge-channel-affines"

  /// Never throws.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard node.op is Add || node.op is Subtract, let sum = ChannelAffine(node, editor),
        let (index, producer) = editor.soleProducer(sum.operand),
        producer.op is Multiply || producer.op is Divide,
        producer.op.resultBounds?.isNone == true,
        let product = ChannelAffine(producer, editor),
        let count = editor.shape(of: node.result).last, count > 1,
        !Self.isUniform(producer, editor) || !Self.isUniform(node, editor)
      else { return editor.keep(node) }
      let shape = editor.shape(of: node.result)
      guard let scales = product.channels(count, axis: shape.rank - 1),
        let offsets = sum.channels(count, axis: shape.rank - 1)
      else { return editor.keep(node) }
      // A difference from a constant turns the sign of both.
      let weights = zip(scales.scale, offsets.scale).map { Float($0 * $1) }
      let bias = offsets.offset.map { Float($0) }
      guard (weights + bias).allSatisfy(\.isFinite) else { return editor.keep(node) }
      editor.remove(at: index)
      let image = shape.rank == 4 ? shape : [1, 1, shape.count / count, count]
      func reshaped(_ id: ValueID, _ name: String, _ target: Shape, to results: [ValueID]) {
        editor.emit(
          Node(
            name: name, op: Reshape(shape: target), operands: [id], results: results,
            place: node.place))
      }
      var x = product.operand
      if image != shape {
        let flat = editor.addValue("\(node.name):image", TensorType(.float32, image))
        reshaped(x, "\(node.name):image", image, to: [flat])
        x = flat
      }
      var layer = node
      layer.op = DepthwiseConv2D(
        window: Window2D(kernel: [1, 1]), activation: node.op.resultBounds ?? .none)
      layer.operands = [
        x, editor.addConstant(Tensor(weights, [1, 1, count]), "\(node.name):scale"),
        editor.addConstant(Tensor(bias, [count]), "\(node.name):offset"),
      ]
      if image == shape { return editor.emit(layer) }
      let y = editor.addValue("\(node.name):normalized", TensorType(.float32, image))
      layer.results = [y]
      editor.emit(layer)
      reshaped(y, "\(node.name):shape", shape, to: node.results)
    }
  }

  /// Whether the constant of a product or sum is one number, which a table has.
  private static func isUniform(_ node: Node, _ editor: GraphEditor) -> Bool {
    node.operands.contains { editor.constant($0).map { $0.count == 1 } ?? false }
  }
}
