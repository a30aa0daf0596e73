import Foundation
import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQSupport

@testable import UQEngine

@Suite struct EngineRunTests {
  /// A network with branches of different lengths, so that lifetimes overlap in many ways.
  private func network(seed: UInt64, layers: Int = 14) throws -> Graph {
    var generator = SeededGenerator(seed: seed)
    var builder = GraphBuilder(name: "net")
    var values = [builder.addInput("x", TensorType(.float32, [1, 6, 6, 4]))]
    for layer in 0..<layers {
      let a = values[Int.random(in: max(0, values.count - 4)..<values.count, using: &generator)]
      let b = values[Int.random(in: 0..<values.count, using: &generator)]
      let id: ValueID
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: id = try builder.add(Add(), [a, b], name: "add\(layer)")[0]
      case 1:
        let weights = (0..<144).map { _ in Float.random(in: -0.3...0.3, using: &generator) }
        let w = builder.addConstant(Tensor(weights, [4, 3, 3, 4]), name: "w\(layer)")
        id = try builder.add(
          Conv2D(window: Window2D(kernel: [3, 3], padding: [1, 1, 1, 1])), [a, w, nil],
          name: "conv\(layer)")[0]
      default:
        id = try builder.add(Pointwise(function: .tanh), [a], name: "tanh\(layer)")[0]
      }
      values.append(id)
    }
    builder.addOutput("y", values[values.count - 1])
    builder.addOutput("z", values[values.count / 2])
    return builder.graph
  }

  private func sample(_ seed: UInt64) -> [Tensor] {
    var generator = SeededGenerator(seed: seed)
    return [
      Tensor((0..<144).map { _ in Float.random(in: -1...1, using: &generator) }, [1, 6, 6, 4])
    ]
  }

  @Test(arguments: 0..<20) func liveValuesNeverShareBytes(seed: Int) throws {
    let graph = try network(seed: UInt64(seed))
    let memory = EngineMemory(graph, scratch: 1000)
    var last = [Int](repeating: -1, count: graph.values.count)
    var first = [Int](repeating: Int.max, count: graph.values.count)
    for id in graph.inputs { first[id.index] = -1 }
    for (position, node) in graph.nodes.enumerated() {
      for id in node.operands.compactMap({ $0 }) { last[id.index] = position }
      for id in node.results {
        first[id.index] = position
        last[id.index] = max(last[id.index], position)
      }
    }
    for id in graph.outputs { last[id.index] = .max }
    for a in graph.values.indices {
      guard let start = memory.offsets[a] else { continue }
      let end = start + graph.values[a].type.byteCount
      #expect(end <= memory.scratchOffset)
      for b in graph.values.indices where b > a {
        guard let other = memory.offsets[b], first[a] <= last[b], first[b] <= last[a] else {
          continue
        }
        #expect(end <= other || other + graph.values[b].type.byteCount <= start)
      }
    }
    #expect(memory.scratchOffset + 1000 <= memory.byteCount)
  }

  @Test(arguments: 0..<6) func equalsPlainEvaluation(seed: Int) throws {
    let graph = try network(seed: UInt64(seed))
    let inputs = sample(UInt64(seed))
    var values: [ValueID: Tensor] = [graph.inputs[0]: inputs[0]]
    for node in graph.nodes {
      let operands = node.operands.map { id in id.flatMap { graph.constant($0) ?? values[$0] } }
      values[node.result] = try node.op.evaluate(
        operands, results: [graph.type(of: node.result)])[0]
    }
    let outputs = try FloatEngine().prepare(graph).outputs(of: inputs)
    for (id, output) in zip(graph.outputs, outputs) {
      let wanted = try #require(values[id]).floats
      let largest = wanted.reduce(1) { max($0, $1.magnitude) }
      for (x, y) in zip(output.floats, wanted) { #expect((x - y).magnitude <= 1e-5 * largest) }
    }
  }

  @Test func isTheSameForAnyNumberOfThreads() throws {
    let graph = try network(seed: 3)
    let prepared = try FloatEngine().prepare(graph)
    let samples = (0..<40).map { sample(UInt64($0)) }
    let collect = { (threads: Int) in
      try prepared.run(samples, threads: threads, initial: { _ in [UInt32]() }) {
        state, _, elements in
        state += elements.map(\.bitPattern)
      }
    }
    let one = try collect(1)
    #expect(try collect(2) == one)
    #expect(try collect(5) == one)
  }

  @Test func visitsInOrderAndPassesChangesOn() throws {
    let graph = try network(seed: 5)
    let prepared = try FloatEngine().prepare(graph)
    let order = try prepared.run([sample(1)], threads: 1, initial: { _ in [ValueID]() }) {
      state, id, _ in state.append(id)
    }[0]
    #expect(order == graph.inputs + graph.nodes.map(\.result))

    // A changed input has the same effect as another input.
    let input = graph.inputs[0]
    let outputs = Set(graph.outputs)
    let run = { (samples: [[Tensor]], factor: Float) in
      try prepared.run(samples, threads: 2, initial: { _ in [[Float]]() }) { state, id, elements in
        if id == input { for i in elements.indices { elements[i] *= factor } }
        if outputs.contains(id) { state.append(Array(elements)) }
      }
    }
    let doubled = sample(1).map { Tensor($0.floats.map { 2 * $0 }, $0.shape) }
    #expect(try run([sample(1)], 2) == run([doubled], 1))
    #expect(try run([sample(1)], 2) != run([sample(1)], 1))
  }

  @Test func skipsSamplesAndReportsTheFirstFailure() throws {
    let prepared = try FloatEngine().prepare(try network(seed: 2))
    let run = { (fails: Set<Int>) in
      try prepared.run(
        count: 20, threads: 3,
        sample: { index in
          if fails.contains(index) { throw Diagnostic(id: "test.sample.\(index)", "bad") }
          return index % 3 == 0 ? nil : self.sample(UInt64(index))
        }, initial: { $0 }, visit: { _, _, _ in }, finish: { index, _ in index })
    }
    #expect(try run([]) == (0..<20).map { $0 % 3 == 0 ? nil : $0 })
    #expect { try run([17, 4, 8]) } throws: { ($0 as? Diagnostic)?.id == "test.sample.4" }
  }

  @Test func refusesSamplesThatDoNotFit() throws {
    let prepared = try FloatEngine().prepare(try network(seed: 1))
    #expect { try prepared.outputs(of: []) } throws: {
      ($0 as? Diagnostic)?.id == "engine.input.count"
    }
    #expect { try prepared.outputs(of: [Tensor(zeros: .float32, [3])]) } throws: {
      ($0 as? Diagnostic)?.id == "engine.input.shape"
    }
  }

  @Test func refusesMoreMemoryThanThereIs() throws {
    var builder = GraphBuilder(name: "huge")
    var x = builder.addInput("x", TensorType(.float32, [1, 1 << 15, 1 << 8, 1 << 8]))
    let y = try builder.add(Pointwise(function: .tanh), [x], name: "y")[0]
    for i in 0..<40 { x = try builder.add(Add(), [x, y], name: "a\(i)")[0] }
    let all = builder.graph.nodes.map(\.result)
    for (i, id) in all.enumerated() { builder.addOutput("o\(i)", id) }
    let graph = builder.graph
    let bytes = UInt64(all.count) << 33
    try #require(bytes > ProcessInfo.processInfo.physicalMemory)
    #expect { try FloatEngine().prepare(graph) } throws: {
      ($0 as? Diagnostic)?.id == "engine.memory.exhausted"
    }
  }
}
