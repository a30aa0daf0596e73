import Testing
import UQEngine
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQQuantizer

@Suite struct EqualizationTests {
  private let engine: FloatEngine

  init() throws { engine = try FloatEngine() }

  /// Two layers with what `between` builds of the first one's result, `[1, 6, 6, 4]`, in the middle.
  private func network(
    activation: Clamp = .none,
    reader: (op: any Operator, weights: Shape) = (
      Conv2D(window: Window2D(kernel: [1, 1])), [3, 1, 1, 4]
    ), between: (inout SmallNetwork, ValueID) -> ValueID = { $1 }
  ) -> SmallNetwork {
    SmallNetwork([1, 6, 6, 2]) { network, x in
      let first = network.layer(
        "first", Conv2D(window: Window2D(kernel: [1, 1]), activation: activation), [4, 1, 1, 2], 4,
        x)
      let middle = between(&network, first)
      return network.layer("last", reader.op, reader.weights, 3, middle)
    }
  }

  private func chains(
    _ graph: Graph, statistics: [String: TensorStatistics] = [:]
  ) -> [[String]] {
    EqualizationChain.all(in: graph, statistics: statistics).map { chain in
      chain.values.map { graph[$0].name }
    }
  }

  private func statistics(_ name: String, _ minimum: Float, _ maximum: Float) -> [String:
    TensorStatistics]
  {
    [
      name: TensorStatistics(
        name: name, minimum: minimum, maximum: maximum, binExponent: 0, firstBin: 0, counts: [1])
    ]
  }

  private func expectSameOutputs(_ a: Graph, _ b: Graph, _ network: inout SmallNetwork) throws {
    let (first, second) = (try engine.prepare(a), try engine.prepare(b))
    for _ in 0..<3 {
      let inputs = a.inputs.map { network.random(a.type(of: $0).shape) }
      for (x, y) in zip(try first.outputs(of: inputs), try second.outputs(of: inputs)) {
        #expect(x.floats.allSatisfy(\.isFinite) && Set(x.floats).count > 1)
        for (wanted, actual) in zip(x.floats, y.floats) {
          #expect((wanted - actual).magnitude <= 1e-5 * max(wanted.magnitude, 1e-2))
        }
      }
    }
  }

  @Test func aChainIsScaledByKnownNumbers() throws {
    var builder = GraphBuilder(name: "known")
    let x = builder.addInput("x", TensorType(.float32, [1, 2]))
    let w1 = builder.addConstant(Tensor([8, -4, 1, 2] as [Float], [2, 2]), name: "w1")
    let b1 = builder.addConstant(Tensor([1, 3] as [Float], [2]), name: "b1")
    let w2 = builder.addConstant(Tensor([1, 10, -2, 20] as [Float], [2, 2]), name: "w2")
    let h = try builder.add(FullyConnected(activation: .relu), [x, w1, b1], name: "h")[0]
    builder.addOutput("y", try builder.add(FullyConnected(), [h, w2], name: "y")[0])
    let graph = builder.graph
    let chain = try #require(EqualizationChain.all(in: graph, statistics: [:]).first)
    #expect(chain.values == [h] && chain.makers == [0] && chain.readers == [1])
    #expect(chain.channels == 2)
    let scaled = ChainScaling(graph).apply([(chain, [1, 0.25])])
    #expect(scaled.constant(scaled.nodes[0].operands[1])?.floats == [8, -4, 4, 8])
    #expect(scaled.constant(scaled.nodes[0].operands[2])?.floats == [1, 12])
    #expect(scaled.constant(scaled.nodes[1].operands[1])?.floats == [1, 2.5, -2, 5])
    #expect(scaled.values.map(\.name) == graph.values.map(\.name))
    let magnitudes = ChannelMagnitudes(peaks: [1, 0.0625], energies: [1, 0.5])
    func factors(_ rule: EqualizationRule, powerOfTwo: Bool = false) -> [Float]? {
      rule.factors(of: chain, in: graph, magnitudes, powerOfTwo: powerOfTwo)
    }
    #expect(factors(.range) == [1, 0.0625])
    #expect(factors(.rootRange) == [1, 0.25])
    #expect(factors(.energy) == [1, 0.5])
    // √(8 / 2) and √(2 / 20).
    let weights = try #require(factors(.weights))
    #expect(weights[0] == 1 && (weights[1] - (0.1 as Float).squareRoot() / 2).magnitude < 1e-6)
    #expect(factors(.weights, powerOfTwo: true) == [1, 0.125])
  }

  @Test func magnitudesAreMeansOfPeaksAndRoots() throws {
    var builder = GraphBuilder(name: "known")
    let x = builder.addInput("x", TensorType(.float32, [2, 2]))
    let identity = Tensor([1, 0, 0, 1] as [Float], [2, 2])
    let w = builder.addConstant(identity, name: "w")
    let v = builder.addConstant(identity, name: "v")
    let h = try builder.add(FullyConnected(), [x, w], name: "h")[0]
    builder.addOutput("y", try builder.add(FullyConnected(), [h, v], name: "y")[0])
    let chains = EqualizationChain.all(in: builder.graph, statistics: [:])
    let samples: [[Tensor]] = [
      [Tensor([-4, 1, 2, 0] as [Float], [2, 2])], [Tensor([0, -1, 4, 0] as [Float], [2, 2])],
    ]
    let found = try ChannelMagnitudes.measure(
      chains, engine.prepare(builder.graph), samples, threads: 2)[0]
    #expect(found.peaks == [1, 0.25])
    #expect(found.energies[0] == 1)
    #expect((found.energies[1] - (2.0 / 36).squareRoot()).magnitude < 1e-12)
  }

  @Test func deadChannelsStay() throws {
    let network = network()
    let chain = try #require(EqualizationChain.all(in: network.graph, statistics: [:]).first)
    for (peaks, wanted) in [
      ([1, 0, 1e-9, 0.5], [1, 1, 1, 0.5]), ([0, 0, 0, 0], nil),
      ([1, .nan, .infinity, 0.25], [1, 1, 1, 0.25]), ([1e-3, 1, 1, 1], [0.0625, 1, 1, 1]),
    ] as [([Double], [Float]?)] {
      let magnitudes = ChannelMagnitudes(peaks: peaks, energies: peaks)
      for rule in [EqualizationRule.range, .energy] {
        #expect(
          rule.factors(of: chain, in: network.graph, magnitudes, powerOfTwo: false) == wanted)
      }
    }
  }

  /// Every operator between, with one factor for each of 4 channels.
  @Test(arguments: [
    "nothing", "relu", "clip", "leaky", "negate", "prelu", "max pool", "average pool",
    "padded pool", "pad", "slice", "transpose", "resize", "reshape", "mean", "maximum",
  ]) func outputsStay(_ kind: String) throws {
    var network = network { network, x in
      switch kind {
      case "relu": return network.node("m", Clip(bounds: .relu), [x])
      case "clip": return network.node("m", Clip(bounds: Clamp(high: 0)), [x])
      case "leaky": return network.node("m", Pointwise(function: .leakyRelu(alpha: 0.1)), [x])
      case "negate": return network.node("m", Pointwise(function: .negate), [x])
      case "prelu":
        let slope = network.graph.appendConstant(
          Tensor([0.5, -1, 0.1, 0] as [Float], [4]), name: "slope")
        return network.node("m", PRelu(), [x, slope])
      case "max pool":
        return network.node(
          "m", MaxPool2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])), [x])
      case "average pool":
        return network.node("m", AveragePool2D(window: Window2D(kernel: [2, 2])), [x])
      case "padded pool":
        return network.node(
          "m",
          AveragePool2D(
            window: Window2D(kernel: [3, 3], padding: [1, 1, 0, 0]), includesPadding: true), [x])
      case "pad":
        return network.node("m", Pad(before: [0, 1, 2, 0], after: [0, 0, 1, 0]), [x])
      case "slice":
        return network.node("m", Slice(starts: [0, 1, 2, 0], ends: [1, 5, 6, 4]), [x])
      case "transpose": return network.node("m", Transpose(permutation: [0, 2, 1, 3]), [x])
      case "resize": return network.node("m", ResizeNearest(factors: [2, 1]), [x])
      case "reshape": return network.node("m", Reshape(shape: [1, 4, 9, 4]), [x])
      case "mean":
        return network.node("m", Reduce(kind: .mean, axes: [2], keepsDimensions: true), [x])
      case "maximum":
        return network.node("m", Reduce(kind: .maximum, axes: [2], keepsDimensions: true), [x])
      default: return x
      }
    }
    let chains = EqualizationChain.all(in: network.graph, statistics: [:])
    try #require(chains.count == 1)
    #expect(chains[0].values.count == (kind == "nothing" ? 1 : 2))
    let scaled = ChainScaling(network.graph).apply([(chains[0], [1, 0.1, 0.5, 0.07])])
    try scaled.verify()
    try expectSameOutputs(network.graph, scaled, &network)
  }

  /// Depthwise, grouped, flattened and residual layers: chains of all of them together.
  @Test func outputsStayThroughLayersOfEveryKind() throws {
    var network = SmallNetwork([1, 6, 6, 2]) { network, x in
      let first = network.layer(
        "first", Conv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])), [4, 3, 3, 2], 4, x
      )
      let wise = network.layer(
        "wise",
        DepthwiseConv2D(
          window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1]), multiplier: 2, activation: .relu),
        [3, 3, 8], 8, first)
      let grouped = network.layer(
        "grouped", Conv2D(window: Window2D(kernel: [1, 1]), groups: 2, activation: .relu),
        [6, 1, 1, 4], 6, wise)
      let same = network.layer(
        "same", Conv2D(window: Window2D(kernel: [1, 1])), [6, 1, 1, 6], 6, grouped)
      let sum = network.node("sum", Add(activation: .relu), [same, grouped])
      let flat = network.node("flat", Reshape(shape: [1, 216]), [sum])
      return network.layer("dense", FullyConnected(), [3, 216], 3, flat)
    }
    let graph = network.graph
    #expect(chains(graph) == [["first"], ["wise"], ["grouped", "same", "sum", "flat"]])
    let found = EqualizationChain.all(in: graph, statistics: [:])
    let names = { (positions: [Int]) in positions.map { graph.nodes[$0].name } }
    #expect(names(found[2].makers) == ["grouped", "same"])
    #expect(names(found[2].readers) == ["same", "dense"])
    let scaled = ChainScaling(graph).apply(
      found.map { chain in
        (chain, (0..<chain.channels).map { 1 / Float(1 + ($0 * 5) % chain.channels) })
      })
    try scaled.verify()
    try expectSameOutputs(graph, scaled, &network)
  }

  @Test func whatIsNotHomogeneousIsLeftAlone() {
    let functions: [PointwiseFunction] = [
      .sigmoid, .hardSwish, .tanh, .elu(alpha: 1), .affine(scale: 2, offset: 1),
    ]
    for function in functions {
      #expect(chains(network { $0.node("m", Pointwise(function: function), [$1]) }.graph) == [])
    }
    for bounds in [Clamp(low: 0, high: 6), Clamp(low: -1), Clamp(high: 2)] {
      #expect(chains(network(activation: bounds).graph) == [])
      #expect(chains(network { $0.node("m", Clip(bounds: bounds), [$1]) }.graph) == [])
    }
    let padded = network {
      $0.node("m", Pad(before: [0, 1, 0, 0], after: [0, 0, 0, 0], value: 1), [$1])
    }
    #expect(chains(padded.graph) == [])
    let mixing = network {
      $0.node("m", Transpose(permutation: [0, 3, 2, 1]), [$1])
    }
    #expect(chains(mixing.graph) == [])
  }

  @Test func sharedValuesAndOutputsAreLeftAlone() {
    // A reader that cannot absorb.
    let shared = network { network, x in
      let other = network.node("other", Pointwise(function: .sigmoid), [x])
      network.graph.outputs.append(other)
      network.graph.outputNames.append("other")
      return x
    }
    var graph = shared.graph
    // The builder sets the outputs last: the second one is added here.
    if let other = graph.nodes.first(where: { $0.name == "other" }) {
      graph.outputs = [graph.outputs[0], other.result]
      graph.outputNames = ["y", "other"]
    }
    #expect(chains(graph) == [])
    var output = network().graph
    output.outputs.append(output.nodes[0].result)
    output.outputNames.append("first")
    #expect(chains(output) == [])
    // A sum with the input, with a constant, and with one channel for all.
    let input = network { $0.node("m", Concat(axis: 3), [$1, $1]) }
    #expect(chains(input.graph) == [])
    let constant = network { network, x in
      let c = network.graph.appendConstant(network.random([1, 6, 6, 4]), name: "c")
      return network.node("m", Add(), [x, c])
    }
    #expect(chains(constant.graph) == [])
    let product = network { $0.node("m", Multiply(), [$1, $1]) }
    #expect(chains(product.graph) == [])
    // Two readers with weights are none of these.
    let two = SmallNetwork([1, 6, 6, 2]) { network, x in
      let first = network.layer(
        "first", Conv2D(window: Window2D(kernel: [1, 1])), [4, 1, 1, 2], 4, x)
      let a = network.layer("a", Conv2D(window: Window2D(kernel: [1, 1])), [3, 1, 1, 4], 3, first)
      let b = network.layer("b", Conv2D(window: Window2D(kernel: [1, 1])), [3, 1, 1, 4], 3, first)
      return network.node("sum", Subtract(), [a, b])
    }
    #expect(chains(two.graph) == [["first"]])
  }

  /// A bound counts only where calibration reached it.
  @Test func unreachedBoundsGo() throws {
    let bounds = Clamp(low: 0, high: 6)
    var network = network(activation: bounds)
    let graph = network.graph
    #expect(chains(graph, statistics: statistics("first", 0, 6)) == [])
    let chain = try #require(
      EqualizationChain.all(in: graph, statistics: statistics("first", 0, 5.9)).first)
    #expect(chain.relaxed == [0: .relu])
    let scaled = ChainScaling(graph).apply([(chain, [0.1, 1, 1, 0.5])])
    #expect((scaled.nodes[0].op as? Conv2D)?.activation == .relu)
    try expectSameOutputs(graph, scaled, &network)
  }

  @Test func constantsThatAreSharedAreNotScaledForOthers() throws {
    var network = SmallNetwork([1, 2, 2, 4]) { network, x in
      let w = network.graph.appendConstant(network.random([4, 1, 1, 4]), name: "w")
      let b = network.graph.appendConstant(network.random([4]), name: "b")
      let op = Conv2D(window: Window2D(kernel: [1, 1]), activation: .relu)
      let first = network.node("first", op, [x, w, b])
      let second = network.node("second", op, [first, w, b])
      return network.layer(
        "last", Conv2D(window: Window2D(kernel: [1, 1])), [3, 1, 1, 4], 3, second)
    }
    let graph = network.graph
    let found = EqualizationChain.all(in: graph, statistics: [:])
    #expect(found.count == 2)
    let scaled = ChainScaling(graph).apply(found.map { ($0, [0.5, 0.25, 1, 0.1]) })
    #expect(Set(scaled.values.map(\.name)).count == scaled.values.count)
    try expectSameOutputs(graph, scaled, &network)
  }
}
