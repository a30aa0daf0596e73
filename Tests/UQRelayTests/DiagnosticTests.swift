import Testing
import UQSupport

@testable import UQRelay

/// Problems are found where they are, and more than one of them.
@Suite struct DiagnosticTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    var text: String
    var id: String
    var line: Int
    var column: Int
    var testDescription: String { text }

    init(_ text: String, _ id: String, _ line: Int, _ column: Int) {
      (self.text, self.id, self.line, self.column) = (text, id, line, column)
    }
  }

  static let faults: [Fault] = [
    Fault("def @main(%x: float32) {\n  %x +\n}", "relay.syntax.expected", 4, 1),
    Fault("def @main(%x: float32) { %y }", "relay.local.undefined", 2, 26),
    Fault("def @main(%x: float32) { @f(%x) }", "relay.global.undefined", 2, 26),
    Fault("def @main(%x: float32) {\n  %3\n}", "relay.graph.undefined", 3, 3),
    Fault("def @main(%x: float32) { add(%x) }", "relay.operator.arity", 2, 26),
    Fault("def @main(%x: float32) { nn.softmax(%x, axi=1) }", "relay.attribute.unknown", 2, 41),
    Fault("def @main(%x: float32) { nn.softmax(%x, axis=\"a\") }", "relay.attribute.type", 2, 41),
    Fault("def @main(%x: float32) { clip(%x, a_min=0f) }", "relay.attribute.missing", 2, 26),
    Fault("def @main(%x: Tensor[(2), flot32]) { %x }", "relay.type.element", 2, 27),
    Fault("def @main(%x: List[float32]) { %x }", "relay.type.undefined", 2, 15),
    Fault("def @main(%x: float32, %x: float32) { %x }", "relay.parameter.duplicate", 2, 24),
    Fault("def @main(%x: float32) { %x }\ndef @main() { 1 }", "relay.global.duplicate", 3, 1),
    Fault("def @main(%x: float32) { %x } xyz", "relay.syntax.expected", 2, 31),
    Fault("def @main(%let: float32) { 1 }", "relay.text.keyword", 2, 11),
    Fault("def @main() { 3-1 }", "relay.text.number", 2, 15),
    Fault("def @main() { 1.5 }", "relay.text.number", 2, 15),
    Fault("def @main() { 40000i16 }", "relay.text.number", 2, 15),
    Fault("def @main() { \"abc }", "relay.text.string", 2, 15),
    Fault("def @main() { meta[relay.Constant][0] }", "relay.metadata.missing", 2, 15),
    Fault("def @main() { let %y = %y + 1f; %y }", "relay.local.undefined", 2, 24),
    Fault(
      "def @main(%x: Tensor[(2), float32]) -> Tensor[(3), float32] { %x }",
      "relay.type.mismatch", 2, 40),
    Fault("def @main(%x: (float32,)) { %x.1 }", "relay.tuple.index", 2, 29),
    Fault("def @main(%x: float32) { (fn (%y: int32) { %y })(%x) }", "relay.type.mismatch", 2, 50),
    Fault("def @main(%x: float32) { transpose(%x, axes=(1, 0)) }", "relay.attribute.tuple", 2, 45),
    Fault("def @main(%é: float32) { 1 }", "relay.syntax.expected", 2, 11),
  ]

  @Test(arguments: faults) func isFoundInPlace(_ fault: Fault) throws {
    let found = problems(program(fault.text))
    let first = try #require(found.first)
    #expect(first.id == fault.id, "\(first)")
    #expect(first.place.line == fault.line, "\(first)")
    #expect(first.place.column == fault.column, "\(first)")
    #expect(first.excerpt?.hasSuffix("^") == true)
  }

  @Test func severalAreReported() {
    let text = """
      def @main(%x: float32) {
        %0 = add(%x %x);
        let %y = ;
        %0
      }
      def @other(%x: float32) { if (%x) { 1 } }
      """
    let found = problems(program(text)).map { $0.place.line }
    #expect(found == [3, 4, 7])
  }

  @Test func unsupportedOperatorsAreAllListed() {
    let found = problems(
      program("def @main(%x: float32) { %0 = vendor.f(%x); %1 = vendor.g(%0); (%1, vendor.h(%x)) }")
    )
    #expect(found.map(\.id) == Array(repeating: "relay.operator.unsupported", count: 3))
  }

  @Test func caretStandsBelowTheFault() {
    let found = problems(program("def @main(%x: float32) { %yy }"))
    let lines = (found.first?.excerpt ?? "").split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[1].count - 1 == 4 + 25)
  }
}
