import Testing
import UQGraph
import UQNumerics
import UQOperators
import UQPasses
import UQSupport

/// The operators of the graph, for the parser.
let graphOperators = allOperators.compactMap { $0 as? any Operator.Type }

@Suite struct TextFormTests {
  @Test(arguments: UInt64(0)..<60)
  func printsWhatItParses(seed: UInt64) throws {
    var graph = try RandomNetwork.graph(seed: seed)
    for _ in 0..<2 {
      let text = graph.text(constants: .payload)
      let parsed = try Graph.parse(text, operators: graphOperators)
      #expect(parsed.text(constants: .payload) == text)
      #expect(parsed.macs == graph.macs)
      try LosslessPasses.pipeline.run(on: &graph)
    }
  }

  @Test func keepsOddNumbersAndNames() throws {
    let text = #"""
      graph "a \"b\"\n" {
        input %"x:0 \\ %": float32[1, 2]
        constant %c: float32[6] = [inf, -inf, nan, -0.0, 1e-45, 0.1]
        constant %i: int64[] = [-9223372036854775808]
        constant %u: uint64[2] = [18446744073709551615, 0]
        constant %h: float16[2] = [0.5, 65504.0]
        constant %b: bool[3] = [true, false, true]
        constant %s: int8[300] = splat(-3)
        %"y:0": float32[1, 2] = clip(%"x:0 \\ %") {"bounds":{"high":"inf","low":0}} @"Relu 1"
        output "out" = %"y:0"
        output "c" = %c
        output "i" = %i
        output "u" = %u
        output "h" = %h
        output "b" = %b
        output "s" = %s
      }

      """#
    let graph = try Graph.parse(text, operators: graphOperators)
    #expect(graph.nodes[0].name == "Relu 1")
    let printed = graph.text()
    #expect(try Graph.parse(printed, operators: graphOperators).text() == printed)
    for line in text.split(separator: "\n") where line.contains("constant") {
      #expect(printed.contains(line.trimmingPrefix(while: \.isWhitespace)))
    }
  }

  @Test func keepsQuantization() throws {
    var graph = Graph(name: "q")
    let type = TensorType(
      .int8, [1, 2],
      quantization: Quantization(bits: 8, scales: [0.1, 3e-7], zeroPoint: -3, axis: 1))
    let x = graph.append(Value(name: "x", type: type))
    graph.inputs = [x]
    graph.outputs = [x]
    graph.outputNames = ["y"]
    let parsed = try Graph.parse(graph.text(), operators: [])
    #expect(parsed.values[0].type == type)
  }

  @Test(arguments: [
    ("grap \"x\" {}", 1, 1, "uqir.text.syntax"),
    ("graph \"x\" {\n  input %x float32[1]\n}", 2, 12, "uqir.text.syntax"),
    ("graph \"x\" {\n  input %x: float33[1]\n}", 2, 13, "uqir.type.malformed"),
    (
      "graph \"x\" {\n  input %x: float32[99999999999999, 99999999999]\n}", 2, 13,
      "uqir.type.malformed"
    ),
    ("graph \"x\" {\n  input %x: float32[1]\n  input %x: float32[1]\n}", 3, 8, "uqir.value.twice"),
    ("graph \"x\" {\n  output \"y\" = %x\n}", 2, 16, "uqir.value.unknown"),
    ("graph \"x\" {\n  constant %x: int8[1] = [300]\n}", 2, 26, "uqir.constant.range"),
    ("graph \"x\" {\n  constant %x: int8[2] = [3]\n}", 2, 26, "uqir.constant.count"),
    (
      "graph \"x\" {\n  constant %x: int8[1000000000000] = splat(3)\n}", 2, 38,
      "uqir.constant.count"
    ),
    ("graph \"x\" {\n  constant %x: int8[1] = base64(!)\n}", 2, 26, "uqir.constant.payload"),
    ("graph \"x\" {\n  constant %x: int8[99] = sha256(00)\n}", 2, 27, "uqir.constant.digest"),
    ("graph \"x\" {\n  %x: int8[99] = what()\n}", 2, 18, "uqir.operator.unknown"),
    ("graph \"x\" {\n  %x: int8[99] = clip() {\"low\":}\n}", 2, 25, "uqir.attributes.malformed"),
    ("graph \"x", 1, 8, "uqir.string.malformed"),
    ("graph \"x\" {", 1, 12, "uqir.text.syntax"),
  ])
  func locatesErrors(text: String, line: Int, column: Int, id: String) {
    let error = #expect(throws: Diagnostic.self) {
      try Graph.parse(text, file: "f.uqir", operators: graphOperators)
    }
    #expect(error?.id == id)
    #expect(error?.place.line == line)
    #expect(error?.place.column == column)
  }

  @Test func survivesDamage() throws {
    let text = try RandomNetwork.graph(seed: 3).text(constants: .payload)
    let bytes = Array(text.utf8)
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<damaged.count, using: &generator)
        switch Int.random(in: 0...2, using: &generator) {
        case 0: damaged.remove(at: place)
        case 1: damaged[place] = UInt8.random(in: 32...126, using: &generator)
        default: damaged = Array(damaged[..<max(place, 1)])
        }
      }
      _ = try? Graph.parse(String(decoding: damaged, as: UTF8.self), operators: graphOperators)
    }
  }
}
