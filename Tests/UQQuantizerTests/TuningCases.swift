import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

/// A network with layers of every kind, and pixels that no window reads.
struct SmallNetwork {
  var graph = Graph(name: "small")
  private var generator = SeededGenerator(seed: 7)

  /// An input of a shape, and what is built on it up to the logits.
  init(_ input: Shape, _ build: (inout SmallNetwork, ValueID) -> ValueID) {
    let x = graph.append(Value(name: "x", type: TensorType(.float32, input)))
    graph.inputs = [x]
    let logits = build(&self, x)
    graph.outputs = [node("softmax", Softmax(axis: 1), [logits])]
    graph.outputNames = ["y"]
  }

  init() {
    let x = graph.append(Value(name: "x", type: TensorType(.float32, [1, 9, 10, 4])))
    graph.inputs = [x]
    let valid = Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])
    let first = layer("conv", Conv2D(window: valid, activation: .relu), [8, 3, 3, 4], 8, x)
    let wise = layer(
      "depthwise",
      DepthwiseConv2D(
        window: Window2D(kernel: [3, 3], dilations: [2, 1], padding: [2, 1, 2, 1]), multiplier: 1),
      [3, 3, 8], 8, first)
    let sum = node("add", Add(activation: Clamp(low: -0.5, high: 3)), [wise, first])
    let grouped = layer(
      "grouped", Conv2D(window: Window2D(kernel: [1, 1], strides: [2, 2]), groups: 2),
      [6, 1, 1, 4], 6, sum)
    let double = layer(
      "double",
      DepthwiseConv2D(
        window: Window2D(kernel: [2, 2], padding: [0, 0, 1, 1]), multiplier: 2, activation: .relu),
      [2, 2, 12], 12, grouped)
    let pool = node("pool", AveragePool2D(window: Window2D(kernel: [5, 5])), [double])
    let flat = node("flat", Reshape(shape: [1, 12]), [pool])
    let logits = layer("dense", FullyConnected(), [3, 12], 3, flat)
    graph.outputs = [node("softmax", Softmax(axis: 1), [logits])]
    graph.outputNames = ["y"]
  }

  mutating func random(_ shape: Shape) -> Tensor {
    Tensor((0..<shape.count).map { _ in Float.random(in: -1..<1, using: &generator) }, shape)
  }

  mutating func layer(
    _ name: String, _ op: any Operator, _ weights: Shape, _ channels: Int, _ x: ValueID
  ) -> ValueID {
    let w = graph.appendConstant(random(weights), name: "\(name)/w")
    let b = graph.appendConstant(random([channels]), name: "\(name)/b")
    return node(name, op, [x, w, b])
  }

  mutating func node(_ name: String, _ op: any Operator, _ operands: [ValueID]) -> ValueID {
    let types = try? op.resultTypes(graph.types(of: operands))
    let result = graph.append(Value(name: name, type: types?[0] ?? TensorType(.float32, [])))
    graph.nodes.append(Node(name: name, op: op, operands: operands, results: [result]))
    return result
  }
}

/// Gradients of a small network's output, and what they are compared with.
struct GradientProbe {
  let engine: FloatEngine
  let graph: Graph
  let pass: TuningPass

  init(
    _ network: inout SmallNetwork, _ engine: FloatEngine,
    activations: [ValueID: Quantization] = [:]
  ) throws {
    self.engine = engine
    graph = network.graph
    let input = graph.type(of: graph.inputs[0]).shape
    let samples = (0..<4).map { _ in [network.random(input)] }
    let error = try OutputError(
      graph: graph, prepared: engine.prepare(graph), samples: samples, threads: 2,
      marginAtMost: 5)
    pass = try TuningPass(
      gradients: GradientGraph(
        graph, layers: Self.layers(of: graph), watched: Set(error.watched.keys)),
      error: error, activations: activations, evaluator: engine, threads: 2)
  }

  static func layers(of graph: Graph) throws -> [WeightedLayer] {
    var integer = graph
    for index in integer.values.indices {
      integer.values[index].type.quantization = Quantization(bits: 8, scales: [1])
    }
    return try WeightedLayer.all(in: graph, integer: integer)
  }

  /// Compares every third parameter's gradient with the central difference of the error.
  func compareWithDifferences(_ name: String = "") throws {
    var parameters = TuningParameters(
      count: pass.gradients.layers.reduce(0) { $0 + $1.channels })
    parameters.biases = graph.nodes.flatMap { graph.constant($0.biasOperand)?.floats ?? [] }
    try #require(parameters.biases.count == parameters.factors.count, "\(name)")
    var generator = SeededGenerator(seed: 3)
    for i in parameters.factors.indices {
      parameters.factors[i] = Float.random(in: 0.7..<1.3, using: &generator)
    }
    let gradient = try pass.gradient(at: parameters, samples: [0, 1, 2, 3])
    let count = parameters.factors.count
    let largest = gradient.map(\.magnitude).max() ?? 0
    #expect(largest > 0.001, "\(name)")
    let step: Float = 1e-3
    for i in stride(from: 0, to: 2 * count, by: 3) {
      var (low, high) = (parameters, parameters)
      if i < count {
        low.factors[i] -= step
        high.factors[i] += step
      } else {
        low.biases[i - count] -= step
        high.biases[i - count] += step
      }
      let expected = try (error(high) - error(low)) / Double(2 * step)
      #expect((gradient[i] - expected).magnitude < 0.02 * largest, "\(name) parameter \(i)")
    }
  }

  private func error(_ parameters: TuningParameters) throws -> Double {
    try pass.error.measure(engine.prepare(network(parameters)), quantizing: [:]).mean
  }

  /// The float network with the parameters built in.
  private func network(_ parameters: TuningParameters) -> Graph {
    var result = graph
    var offset = 0
    for node in graph.nodes {
      guard let (slot, axis) = node.weightOperand, let old = graph.constant(node.operands[slot])
      else { continue }
      var weights = old
      let inner = old.shape.dimensions[(axis + 1)...].reduce(1, *)
      weights.withMutableElements(Float.self) { w in
        for i in w.indices {
          w[i] *= parameters.factors[offset + i / inner % old.shape[axis]]
        }
      }
      let channels = old.shape[axis]
      if let id = node.operands[slot] { result.values[id.index].constant = weights }
      if let id = node.biasOperand {
        result.values[id.index].constant = Tensor(
          Array(parameters.biases[offset..<offset + channels]), [channels])
      }
      offset += channels
    }
    return result
  }
}
