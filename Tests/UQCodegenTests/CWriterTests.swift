import Testing

@testable import UQCodegen

struct CWriterTests {
  @Test func expressionsHaveParenthesesWhereNeeded() {
    let a = CExpression.name("a")
    let b = CExpression.name("b")
    #expect(CExpression.binary(.binary(a, "+", b), "*", a).text == "(a + b) * a")
    #expect(CExpression.binary(.binary(a, "*", b), "+", a).text == "a * b + a")
    #expect(CExpression.binary(a, "-", .binary(a, "-", b)).text == "a - (a - b)")
    #expect(CExpression.cast("int", .binary(a, "+", b)).text == "(int)(a + b)")
    #expect(CExpression.element(.binary(a, "+", b), .integer(0)).text == "(a + b)[0]")
    #expect(CExpression.address(.member(a, "b")).text == "&a.b")
    #expect(CExpression.arrow(.cast("T *", a), "b").text == "((T *)a)->b")
  }

  @Test func literalsHoldOnEveryPlatform() {
    #expect(CExpression.integer(Int(Int32.min)).text == "INT32_MIN")
    #expect(CExpression.integer(Int(Int32.max) + 1).text == "2147483648ll")
    #expect(CExpression.integer(.min).text == "INT64_MIN")
    #expect(CExpression.float(1e-5).text == "1e-05f")
    #expect(CExpression.float(2).text == "2.0f")
    #expect(CExpression.string("a\"\\\n??é").text == #""a\"\\\n\?\?\?""#)
  }

  @Test func longListsAreFilledBelowTheParenthesis() {
    var writer = CWriter()
    writer.call("function", (0..<20).map { .name("argument\($0)") })
    let lines = writer.text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.allSatisfy { $0.utf8.count <= CWriter.width })
    #expect(lines[1].hasPrefix("         argument"))
    var deep = CWriter()
    deep.call(String(repeating: "f", count: 90), [.name("argument_one"), .name("argument_two")])
    #expect(deep.text.split(separator: "\n").allSatisfy { $0.utf8.count <= 110 })
  }

  @Test func longDeclarationsBreakAfterTheEqualsSign() {
    var writer = CWriter()
    let name = String(repeating: "n", count: 48)
    writer.variable("void *const", name, .name(name))
    #expect(writer.text == "void *const \(name) =\n    \(name);\n")
  }

  @Test func nestedFieldsAreGrouped() {
    var writer = CWriter()
    writer.structure(
      "static const T", "t",
      fields: [("a", [1], false), ("o.x", [2], false), ("o.p.y", [3, 4], true), ("b", [5], false)])
    #expect(
      writer.text == """
        static const T t = {
            .a = 1,
            .o = {
                .x = 2,
                .p = {
                    .y = {3, 4},
                },
            },
            .b = 5,
        };

        """)
  }

  @Test func commentsAreWrapped() {
    var writer = CWriter()
    writer.comment("short")
    writer.comment(String(repeating: "word ", count: 50))
    let lines = writer.text.split(separator: "\n")
    #expect(lines.first == "/* short */")
    #expect(lines.count == 6)
    #expect(lines.allSatisfy { $0.utf8.count <= CWriter.width })
  }
}
