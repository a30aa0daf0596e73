import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQPasses
import UQRelay
import UQSupport

/// How much of a graph comes back from the text that it was printed as.
enum Fidelity: String {
  case sameGraph
  /// The lossless passes make the graphs equal.
  case sameAfterPasses
  case sameValues
  case differentValues
  /// Refused with `relay.print.operator`.
  case notPrinted
}

/// Prints a graph, reads the text, and compares.
struct RoundTrip {
  var fidelity: Fidelity
  var text = ""
  var difference = 0.0

  init(_ graph: Graph, _ inputs: [Tensor], tolerance: Double = 0) throws {
    do throws(Diagnostics) { text = try RelayPrinter.print(graph) } catch {
      guard error.all.allSatisfy({ $0.id == "relay.print.operator" }) else { throw error }
      fidelity = .notPrinted
      return
    }
    let back = try RelayImporter.load(text: text, operators: allOperators)
    try back.verify()
    let expected = try CorpusCase.evaluate(graph, inputs)
    let actual = try CorpusCase.evaluate(back, inputs)
    difference = Self.difference(expected, actual)
    let (first, second) = (try Self.optimized(graph), try Self.optimized(back))
    fidelity =
      difference > tolerance
      ? .differentValues
      : graph.outline == back.outline
        ? .sameGraph : first.outline == second.outline ? .sameAfterPasses : .sameValues
  }

  private static func optimized(_ graph: Graph) throws -> Graph {
    var graph = graph
    try LosslessPasses.pipeline.run(on: &graph)
    return graph
  }

  /// The largest difference by `1 + |expected|`; infinite for other types or other places of NaN.
  static func difference(_ expected: [Tensor], _ actual: [Tensor]) -> Double {
    guard expected.map(\.type) == actual.map(\.type) else { return .infinity }
    var worst = 0.0
    for (e, a) in zip(expected, actual) {
      if !e.element.isFloat {
        if e != a { return .infinity }
        continue
      }
      let wanted = e.converted(to: .float64).elements(Double.self)
      for (x, y) in zip(wanted, a.converted(to: .float64).elements(Double.self)) where x != y {
        if x.isNaN && y.isNaN { continue }
        let error = abs(x - y) / (1 + abs(x))
        worst = max(worst, error.isNaN ? .infinity : error)
      }
    }
    return worst
  }
}

@Suite struct RoundTripTests {
  /// What does not come back as it was, by the operator of ONNX; everything else does.
  ///
  /// Formulas come back as the activation where a pass recognizes it. Values alone are the same where
  /// Relay has no operator, and another one is as good: `affine` is a product and a sum, norms are
  /// sums, positions are cast from int32, indices are made positive.
  static let others: [String: Fidelity] = [
    "ArgMax": .sameValues,
    "ArgMin": .sameValues,
    "Celu": .sameValues,
    "Conv": .sameAfterPasses,
    "ConvTranspose": .sameAfterPasses,
    "CumSum": .sameValues,
    "Elu": .sameValues,
    "Gather": .sameValues,
    "GatherElements": .sameValues,
    "GatherND": .sameValues,
    "Gelu": .sameAfterPasses,
    "Gemm": .sameAfterPasses,
    "HardSigmoid": .sameValues,
    "HardSwish": .sameAfterPasses,
    "InstanceNormalization": .sameValues,
    "LRN": .sameValues,
    "LayerNormalization": .sameValues,
    "MatMul": .sameValues,
    "Mish": .sameAfterPasses,
    "PRelu": .sameValues,
    "QLinearConv": .sameValues,
    "QLinearMatMul": .sameValues,
    "QuantizeLinear": .sameValues,
    "Reciprocal": .sameAfterPasses,
    "ReduceL1": .sameValues,
    "ReduceL2": .sameValues,
    "ReduceLogSum": .sameValues,
    "ReduceLogSumExp": .sameValues,
    "ReduceMax": .sameAfterPasses,
    "ReduceMean": .sameValues,
    "ReduceSum": .sameAfterPasses,
    "ReduceSumSquare": .sameValues,
    "Round": .sameValues,
    "ScatterElements": .sameValues,
    "Selu": .sameValues,
    "Softplus": .sameAfterPasses,
    "Softsign": .sameAfterPasses,
    "Swish": .sameValues,
    "ThresholdedRelu": .sameValues,
  ]

  @Test(arguments: OnnxNode.names) func printedOperatorsReadBack(_ name: String) throws {
    var worst = Fidelity.sameGraph
    for item in OnnxNode.all where item.op == name {
      let (graph, inputs) = try item.imported()
      let trip = try RoundTrip(
        graph, inputs, tolerance: inputs.contains { $0.element == .float16 } ? 4e-3 : 4e-6)
      let order: [Fidelity] = [
        .sameGraph, .sameAfterPasses, .sameValues, .notPrinted, .differentValues,
      ]
      let rank = { (fidelity: Fidelity) in order.firstIndex(of: fidelity) ?? 0 }
      if rank(trip.fidelity) > rank(worst) { worst = trip.fidelity }
      #expect(
        rank(trip.fidelity) <= rank(Self.others[name] ?? .sameGraph),
        "\(item.name): \(trip.fidelity), difference \(trip.difference)\n\(trip.text)")
    }
    #expect(worst == Self.others[name] ?? .sameGraph, "the list says otherwise")
  }

  @Test func everyOnnxOperatorHasACase() {
    let imported = allOperators.flatMap { $0.imports }
      .filter { $0.dialect == .onnx && $0.domain.isEmpty }.map(\.operatorName)
    #expect(Set(imported).subtracting(OnnxNode.names) == [])
  }
}
