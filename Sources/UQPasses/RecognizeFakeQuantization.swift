import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes quantizing and dequantizing again with one scale a clip and a rounding to steps of real numbers.
///
/// Networks trained for integers, and those that other tools have quantized, say so where their activations
/// lie. The clip fuses with what makes the activation; the rounding tells the quantizer its steps.
public struct RecognizeFakeQuantization: Pass {
  /// Creates the pass.
  public init() {}
  /// `recognize-fake-quantization`.
  public static let name = "recognize-fake-quantization"

  /// Never throws; graphs that compute with integers as they are keep them.
  public func run(on graph: inout Graph) throws(Diagnostic) -> Bool {
    if IntegerCompilation.applies(to: graph) { return false }
    return try GraphEditor.walk(&graph) { editor, node throws(Diagnostic) in
      guard let pair = Pair(node, editor) else { return editor.keep(node) }
      let clipped = editor.addValue("\(node.name):clip", editor.type(of: pair.x))
      editor.emit(
        Node(
          name: "\(node.name):clip", op: Clip(bounds: pair.bounds), operands: [pair.x],
          results: [clipped], place: node.place))
      // What moved integers moves the real numbers they stand for.
      var steps = [Node(name: node.name, op: pair.rounding, operands: [], results: [])]
      steps += pair.moves.reversed()
      var last = clipped
      for (index, step) in steps.enumerated() {
        var step = step
        step.place = node.place
        step.operands = [last] + step.operands.dropFirst()
        if index == steps.count - 1 {
          step.name = node.name
          step.results = node.results
        } else {
          step.name = "\(node.name):\(index == 0 ? "rounding" : step.name)"
          let shape = index == 0 ? editor.shape(of: pair.x) : editor.shape(of: step.result)
          step.results = [editor.addValue(step.name, TensorType(.float32, shape))]
        }
        last = step.result
        editor.emit(step)
      }
    }
  }

  /// What `DequantizeLinear(bounded and moved(QuantizeLinear(x)))` does to `x`.
  private struct Pair {
    var x: ValueID
    /// What only moves elements between the two, the last first.
    var moves: [Node] = []
    var bounds: Clamp
    var rounding: RoundToStep

    init?(_ node: Node, _ editor: GraphEditor) {
      guard let dequantize = node.op as? DequantizeLinear, dequantize.scales.count == 1,
        dequantize.zeroPoints.count == 1
      else { return nil }
      var low = Int(Int32.min)
      var high = Int(Int32.max)
      var source = node.operands[0]
      while let between = editor.producerNode(source), !(between.op is QuantizeLinear) {
        if let bound = Self.bound(between, editor) {
          // Bounds are met from the last to the first.
          if between.op is Minimum {
            high = min(high, max(bound.number, low))
            low = min(low, high)
          } else {
            low = max(low, min(bound.number, high))
          }
          source = bound.x
        } else if between.op.quantizationRule == .inherit(0), between.results.count == 1,
          between.operands.dropFirst().allSatisfy({ editor.constant($0) != nil })
        {
          moves.append(between)
          source = between.operands[0]
        } else {
          return nil
        }
      }
      guard let producer = editor.producerNode(source), let x = producer.operands[0],
        let quantize = producer.op as? QuantizeLinear, quantize.scales == dequantize.scales,
        quantize.zeroPoints == dequantize.zeroPoints, quantize.element.byteCount <= 2,
        editor.type(of: x).element == .float32, editor.type(of: node.result).element == .float32
      else { return nil }
      let range = quantize.element.integerRange
      low = max(low, range.lowerBound)
      high = min(high, range.upperBound)
      let step = quantize.scales[0]
      let zero = quantize.zeroPoints[0]
      guard low < high, (low...high).contains(zero) else { return nil }
      self.x = x
      bounds = Clamp(low: Float(low - zero) * step, high: Float(high - zero) * step)
      rounding = RoundToStep(
        step: step, integers: low...high, zero: zero, tiesToEven: quantize.tiesToEven)
    }

    /// The constant that a minimum or maximum of integers bounds the other operand by.
    private static func bound(_ node: Node, _ editor: GraphEditor) -> (x: ValueID, number: Int)? {
      guard node.op is Minimum || node.op is Maximum,
        let (x, bound) = editor.besideConstant(node), bound.count == 1, bound.element.isInteger,
        editor.shape(of: x) == editor.shape(of: node.result)
      else { return nil }
      return (x, bound.integers[0])
    }
  }
}
