import UQGraph
import UQNumerics
import UQOperators

/// The layers of a block while they are learned.
struct SoftLayers: Sendable {
  /// Factors of the scales and biases.
  var parameters: TuningParameters
  private var items: [Item] = []

  private struct Item: Sendable {
    /// The layer in the block.
    var layer: WeightedLayer
    var rounded: RoundedLayer
    var layout: PatchLayout
    /// `[groups, channels, depth]`.
    var soft: SoftRounding
    /// Of each output channel.
    var scales: [Float]
    /// Index of the first parameter.
    var offset: Int
  }

  /// Takes the layers that gradients reach and whose weights are matrices with one scale for each channel.
  init(
    _ graph: Graph, _ layers: [WeightedLayer], _ rounded: [RoundedLayer], watched: Set<ValueID>
  ) throws {
    let reached = Set(
      GradientGraph(graph, layers: layers, watched: watched).layers.map(\.index))
    var offset = 0
    for (index, layer) in layers.enumerated() where reached.contains(index) {
      let node = graph.nodes[layer.position]
      guard let input = node.operands[0], let weights = graph.constant(node.operands[layer.slot]),
        let layout = PatchLayout(
          node.op, input: graph.type(of: input).shape, weights: weights.shape)
      else { continue }
      let quantization = rounded[index].weights.quantization
      let channels = layout.groups * layout.channels
      guard quantization.groupSize == nil, quantization.scales.count == channels,
        quantization.bits > 1
      else { continue }
      let scales = quantization.scales.map(Float.init)
      var wanted = layout.arrange(weights)
      for i in wanted.indices { wanted[i] /= scales[i / layout.depth] }
      let integers = layout.arrange(rounded[index].weights.integers.floatsOfIntegers).map {
        Int8($0)
      }
      items.append(
        Item(
          layer: layer, rounded: rounded[index], layout: layout,
          soft: SoftRounding(
            integers, wanted: wanted,
            lowest: quantization.bits == 8 ? -quantization.highest : quantization.lowest,
            highest: quantization.highest), scales: scales, offset: offset))
      offset += channels
    }
    parameters = TuningParameters(count: offset)
    for item in items {
      let bias = item.rounded.bias?.floats ?? item.layer.bias ?? []
      for (c, value) in bias.prefix(item.scales.count).enumerated() {
        parameters.biases[item.offset + c] = value
      }
    }
  }

  /// Whether there is nothing to learn.
  var isEmpty: Bool { items.isEmpty }
  /// Number of weights.
  var count: Int { items.reduce(0) { $0 + $1.soft.bases.count } }

  /// How each layer's patches lie, and the value they are of.
  var places: [PatchLayout] { items.map(\.layout) }

  /// The network of the block with gradients at these layers.
  func gradients(in graph: Graph, watched: Set<ValueID>) -> GradientGraph {
    var graph = graph
    install(into: &graph)
    return GradientGraph(graph, layers: items.map(\.layer), watched: watched)
  }

  /// Puts the weights as they are now into a graph, at the scales before tuning.
  func install(into graph: inout Graph) {
    for item in items {
      var real = item.soft.values
      for i in real.indices { real[i] *= item.scales[i / item.layout.depth] }
      let shape = item.rounded.weights.integers.shape
      let id = graph.appendConstant(
        item.layout.disarrange(real, shape),
        name: graph.uniqueValueName("\(item.layer.name)/weights"))
      graph.nodes[item.layer.position].operands[item.layer.slot] = id
    }
  }

  /// A step along gradients at the weights, factors and biases.
  mutating func descend(
    _ gradient: (weights: [[Float]], parameters: [Double]), rate: Float, scaleRate: Float,
    penalty: Double, exponent: Double
  ) {
    for index in items.indices {
      var g = gradient.weights[index]
      for i in g.indices { g[i] *= items[index].scales[i / items[index].layout.depth] }
      items[index].soft.descend(
        g, rate: rate, penalty: Float(penalty), exponent: Float(exponent))
    }
    parameters.descend(gradient.parameters, rate: scaleRate, keepsScales: false)
  }

  /// The layers with the nearer integers.
  func rounded() -> [RoundedLayer] {
    items.map { item in
      var result = item.rounded
      let shape = item.rounded.weights.integers.shape
      let channels = item.scales.count
      let floors = item.layer.floors
      let scales = (0..<channels).map { c -> Double in
        let old = item.rounded.weights.quantization.scales[c]
        let tuned = old * Double(parameters.factors[item.offset + c])
        return tuned.magnitude < floors[c] ? old : tuned
      }
      let integers = item.soft.integers
      var real = integers.map(Float.init)
      for i in real.indices { real[i] *= Float(scales[i / item.layout.depth]) }
      result.weights.integers = item.layout.disarrange(integers.map(Float.init), shape).int8s
      result.weights.dequantized = item.layout.disarrange(real, shape)
      result.weights.quantization.scales = scales
      result.bias = Tensor(
        Array(parameters.biases[item.offset..<item.offset + channels]), [channels])
      return result
    }
  }
}

extension Tensor {
  /// Integers as floats of the same shape.
  fileprivate var floatsOfIntegers: Tensor {
    Tensor(elements(Int8.self).map(Float.init), shape)
  }

  /// Whole numbers as int8.
  fileprivate var int8s: Tensor { Tensor(floats.map { Int8($0) }, shape) }
}
