import Foundation
import Testing
import UQGraph
import UQNumerics
import UQSupport

@testable import UQRelay

/// What programs become.
@Suite struct LanguageTests {
  @Test func graphBindingsAreSharedNodes() throws {
    let made = try graph(
      "def @main(%x: Tensor[(2), float32]) { %0 = add(%x, %x); (%0, add(%0, %0)) }")
    #expect(made.nodes.count == 2)
    #expect(made.outputNames == ["o0", "o1"])
    #expect(made.inputs.map { made[$0].name } == ["x"])
  }

  @Test func functionsAreInlined() throws {
    let made = try graph(
      """
      def @twice[A](%f: fn (A) -> A, %x: A) -> A { %f(%f(%x)) }
      def @main(%x: Tensor[(2), float32]) {
        let %k = 2f;
        let %add = fn (%y, Primitive=1) { add(%y, %k) };
        @twice(%add, %x)
      }
      """)
    #expect(made.nodes.count == 2)
  }

  @Test func constantsDecideBranches() throws {
    let made = try graph(
      "def @main(%x: float32) { if (True) { let %y = add(%x, 1f); %y } else { %x } }")
    #expect(made.nodes.count == 1)
  }

  @Test func computedConstantsDecideBranches() throws {
    let made = try graph(
      "def @main(%x: float32) { if (less(1, 2)) { negative(%x) } else { exp(exp(%x)) } }")
    #expect(made.nodes.count == 1)
  }

  /// `5!` is a constant; three calls of a function that repeats itself are three layers.
  @Test func recursionThatConstantsEndIsUnrolled() throws {
    let folded = try graph(
      """
      def @fact(%n: int32) -> int32 { if (%n <= 1) { 1 } else { %n * @fact(%n - 1) } }
      def @main(%x: float32) { %x * cast(@fact(5), dtype="float32") }
      """)
    #expect(folded.nodes.count == 1)
    #expect(folded.values.compactMap(\.constant).contains { $0.floats == [120] })
    let unrolled = try graph(
      """
      def @repeat(%x: float32, %n: int32) -> float32 {
        if (equal(%n, 0)) { %x } else { @repeat(tanh(%x), %n - 1) }
      }
      def @main(%x: float32) { @repeat(%x, 3) }
      """)
    #expect(unrolled.nodes.count == 3)
  }

  @Test(arguments: [
    ("if (%c) { %x } else { exp(%x) }", "relay.if.dynamic"),
    ("@main(%c, exp(%x))", "relay.call.depth"),
  ])
  func whatDataDecidesIsRefused(_ body: String, _ id: String) {
    let found = problems(program("def @main(%c: bool, %x: float32) -> float32 { \(body) }"))
    #expect(found.first?.id == id, "\(found)")
  }

  @Test func constructorsAreMatched() throws {
    let made = try graph(
      """
      type List[A] { Cons(A, List[A]), Nil, }
      def @sum(%l: List[float32]) -> float32 {
        match (%l) { Cons(%h, %t) => add(%h, @sum(%t)), Nil => 0f }
      }
      def @main(%x: float32) { @sum(Cons(%x, Cons(%x, Cons(1f, Nil)))) }
      """)
    #expect(made.nodes.count == 2)
  }

  @Test func referencesHoldValues() throws {
    let made = try graph(
      """
      def @main(%x: float32) {
        let %r = ref(%x);
        ref_write(%r, add(ref_read(%r), 1f));
        add(ref_read(%r), %x)
      }
      """)
    #expect(made.nodes.count == 2)
  }

  @Test func literalsHaveTheirTypes() throws {
    let made = try graph(
      "def @main() { (1, 2i64, 3i16, 4f, 5f64, 6f16, True, -7, 2147483648, --8, -inff) }")
    let types = made.outputs.map { made.type(of: $0).element }
    #expect(
      types == [
        .int32, .int64, .int16, .float32, .float64, .float16, .bool, .int32, .int64, .int32,
        .float32,
      ])
    #expect(made.constant(made.outputs[7])?.integers == [-7])
    #expect(made.constant(made.outputs[9])?.integers == [8])
    #expect(made.constant(made.outputs[10])?.floats == [-.infinity])
  }

  @Test func namesThatTVMPrintsAreRead() throws {
    let made = try graph(
      """
      def @main(%a/b:0: float32 /* ty=float32 span=a.b:0:0:0 */, %c.d-e.weight: float32, %t: (float32, float32)) {
        %0 = add(%a/b:0, %c.d-e.weight);
        add(%0, %t.0)
      }
      """)
    #expect(made.inputs.map { made[$0].name } == ["a/b:0", "c.d-e.weight", "t.0", "t.1"])
  }

  @Test func numbersThatThePrinterAddedAreRemoved() throws {
    let made = try graph(
      "def @f(%x: float32) { %x }\ndef @main(%x1: float32, %x2: float32) { add(@f(%x1), %x2) }")
    #expect(made.inputs.map { made[$0].name } == ["x", "x2"])
  }

  @Test func theOldVersionIsRead() throws {
    let text = "v0.0.4\ndef @main(%x.1: float32) {\n  let %y = (%x.1, 1f);\n  %y.0\n}"
    let made = try RelayImporter.load(text: text, operators: [])
    #expect(made.inputs.map { made[$0].name } == ["x.1"])
  }

  @Test func loneExpressionsAreRead() throws {
    let made = try RelayImporter.load(
      text: "free_var %x: Tensor[(2), float32]; (%x, 1f)", operators: [])
    #expect(made.inputs.count == 1)
    #expect(made.outputs.count == 2)
  }
}
