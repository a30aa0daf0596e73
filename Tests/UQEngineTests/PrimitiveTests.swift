import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

/// Makes one-node graphs of random geometry.
private struct RandomNode {
  var generator: SeededGenerator
  var builder = GraphBuilder(name: "node")

  init(seed: Int) { generator = SeededGenerator(seed: UInt64(seed)) }

  mutating func pick(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &generator) }

  mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor((0..<shape.count).map { _ in Float.random(in: -1...1, using: &generator) }, shape)
  }

  mutating func window() -> Window2D {
    let kernel = [pick(1...4), pick(1...4)]
    return Window2D(
      kernel: kernel, strides: [pick(1...3), pick(1...3)], dilations: [pick(1...2), pick(1...2)],
      padding: (0..<4).map { pick(0...max(0, kernel[$0 % 2] - 1)) })
  }

  mutating func clamp() -> Clamp {
    [.none, .relu, Clamp(low: 0, high: 0.7), Clamp(low: -0.2, high: 0.3)][pick(0...3)]
  }

  mutating func input(_ shape: Shape) -> ValueID {
    builder.addInput("x\(builder.graph.inputs.count)", TensorType(.float32, shape))
  }

  mutating func bias(_ count: Int) -> ValueID? {
    pick(0...2) == 0 ? nil : builder.addConstant(tensor([count]), name: "b")
  }

  mutating func finish(_ op: some Operator, _ operands: [ValueID?]) throws -> Graph {
    let result = try builder.add(op, operands, name: "node")[0]
    builder.addOutput("y", result)
    return builder.graph
  }
}

@Suite struct PrimitiveTests {
  private static let kinds = [
    "conv2d", "grouped", "depthwise", "dense", "product", "max", "average", "average-padded", "add",
    "reshape",
  ]

  private func graph(_ kind: String, seed: Int) throws -> Graph {
    var node = RandomNode(seed: seed)
    // Extents of at least the widest window, so that every geometry is sound.
    let (batch, h, w, c) = (
      node.pick(1...2), node.pick(7...12), node.pick(7...12), node.pick(1...9)
    )
    let window = node.window()
    let clamp = node.clamp()
    switch kind {
    case "conv2d", "grouped":
      let groups = kind == "grouped" ? node.pick(2...4) : 1
      let depth = node.pick(1...5)
      let outputs = groups * node.pick(1...5)
      let x = node.input([batch, h, w, depth * groups])
      let weights = node.builder.addConstant(
        node.tensor(Shape([outputs] + window.kernel + [depth])), name: "w")
      return try node.finish(
        Conv2D(window: window, groups: groups, activation: clamp), [x, weights, node.bias(outputs)])
    case "depthwise":
      let multiplier = node.pick(1...3)
      let x = node.input([batch, h, w, c])
      let weights = node.builder.addConstant(
        node.tensor(Shape(window.kernel + [c * multiplier])), name: "w")
      return try node.finish(
        DepthwiseConv2D(window: window, multiplier: multiplier, activation: clamp),
        [x, weights, node.bias(c * multiplier)])
    case "dense":
      let (rows, depth, outputs) = (node.pick(1...4), node.pick(1...70), node.pick(1...40))
      let x = node.input([rows, depth])
      let weights = node.builder.addConstant(node.tensor([outputs, depth]), name: "w")
      return try node.finish(FullyConnected(activation: clamp), [x, weights, node.bias(outputs)])
    case "product":
      let x = node.input([batch, h, c])
      let y = node.input([batch, c, w])
      return try node.finish(MatrixProduct(), [x, y])
    case "max": return try node.finish(MaxPool2D(window: window), [node.input([batch, h, w, c])])
    case "average", "average-padded":
      return try node.finish(
        AveragePool2D(window: window, includesPadding: kind != "average"),
        [node.input([batch, h, w, c])])
    case "add":
      let x = node.input([batch, h, w, c])
      let y = node.pick(0...2) == 0 ? node.input([1, 1, 1, c]) : node.input([batch, h, w, c])
      return try node.finish(Add(activation: clamp), [x, y])
    default:
      return try node.finish(Reshape(shape: [batch, h * w * c]), [node.input([batch, h, w, c])])
    }
  }

  @Test(arguments: kinds) func equalsTheOperatorsOwnEvaluation(kind: String) throws {
    let engine = try FloatEngine()
    for seed in 0..<25 {
      let graph = try graph(kind, seed: seed)
      var generator = SeededGenerator(seed: UInt64(seed))
      let inputs = graph.inputs.map { id -> Tensor in
        let shape = graph.type(of: id).shape
        return Tensor(
          (0..<shape.count).map { _ in Float.random(in: -2...2, using: &generator) }, shape)
      }
      let actual = try engine.prepare(graph).outputs(of: inputs)[0]
      let node = graph.nodes[0]
      var next = inputs.makeIterator()
      let operands = node.operands.map { id -> Tensor? in
        id.flatMap { graph.constant($0) ?? next.next() }
      }
      let expected = try node.op.evaluate(operands, results: [graph.type(of: node.result)])[0]
      #expect(actual.type == expected.type)
      let largest = expected.floats.reduce(1) { max($0, $1.magnitude) }
      let error = zip(actual.floats, expected.floats).map { ($0 - $1).magnitude }.max() ?? 0
      #expect(error <= 1e-5 * largest, "\(kind), seed \(seed): \(node.op)")
    }
  }
}
