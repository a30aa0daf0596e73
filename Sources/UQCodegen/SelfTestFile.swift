import UQKernels
import UQNumerics

extension GeneratedModel {
  /// `selftest.c`: a hosted program that runs the golden vectors and exits with 0 where all bytes agree.
  func selfTestFile() -> CWriter {
    var writer = CWriter()
    writer.comment(
      introduction(
        "Self-test of the model '\(options.name)' for a machine with an operating system.")
        + ["", "cc -std=c99 *.c && ./a.out"])
    writer.include(system: "stdint.h")
    writer.include(system: "stdio.h")
    writer.include(system: "string.h")
    writer.blank()
    writer.include("\(prefix).h")
    writer.blank()
    writer.enumeration([
      ("SAMPLES", options.goldens.count), ("GUARD", 64), ("ALIGN", plan.alignment),
      ("FILL", 0xA5),
    ])
    data(&writer)
    writer.blank()
    writer.comment("The arena with a guard on either side, and room to align it.")
    writer.array(
      "static unsigned char", "memory",
      extents: [
        .binary(
          .binary(.name("\(macro)_ARENA_BYTES"), "+", .binary(.integer(2), "*", .name("GUARD"))),
          "+", .name("ALIGN"))
      ])
    writer.blank()
    writer.function("static int", "fail", ["const char *what", "int sample"]) { writer in
      writer.call(
        "printf",
        [.string("\(options.name): %s (sample %d)\n"), .name("what"), .name("sample")])
      writer.returning(.integer(1))
    }
    writer.blank()
    main(&writer)
    return writer
  }

  private func data(_ writer: inout CWriter) {
    let samples = options.goldens
    for (index, port) in program.inputs.enumerated() {
      let type = Self.cType(port.type.element) ?? "int8_t"
      var rows = samples.map { Self.integers($0.inputs[index], port.type.element) }
      if rows.isEmpty { rows = [[0]] }
      writer.blank()
      writer.array(
        "static const \(type)", "input_\(index)", rows: rows, count: Self.elements(port))
    }
    for (index, port) in program.outputs.enumerated() {
      let type = Self.cType(port.type.element) ?? "int8_t"
      let rows = samples.map { Self.integers($0.outputs[index], port.type.element) }
      if !rows.isEmpty {
        writer.blank()
        writer.array(
          "static const \(type)", "expected_\(index)", rows: rows, count: Self.elements(port))
      }
      writer.blank()
      writer.array(
        "static \(type)", "output_\(index)", extents: [.integer(Self.elements(port))])
    }
  }

  private func main(_ writer: inout CWriter) {
    let arena = CExpression.name("arena")
    let size = CExpression.name("\(macro)_ARENA_BYTES")
    func run(_ bytes: CExpression) -> CExpression {
      .call("\(prefix)_run", [.address(.name("in")), .address(.name("out")), arena, bytes])
    }
    func failure(
      _ writer: inout CWriter, _ condition: CExpression, _ text: String, _ n: CExpression
    ) {
      writer.when(any: [condition]) { $0.returning(.call("fail", [.string(text), n])) }
    }
    writer.function("int", "main", []) { writer in
      writer.variable("unsigned char *", "arena", .binary(.name("memory"), "+", .name("GUARD")))
      writer.variable("\(prefix)_inputs", "in")
      writer.variable("\(prefix)_outputs", "out")
      writer.blank()
      writer.whileLoop(
        .binary(.binary(.cast("uintptr_t", arena), "%", .name("ALIGN")), "!=", .unsigned(0))
      ) { $0.increment("arena") }
      for (index, field) in inputFields.enumerated() {
        writer.assign(
          .member(.name("in"), field), .element(.name("input_\(index)"), .integer(0)))
      }
      for (index, field) in outputFields.enumerated() {
        writer.assign(.member(.name("out"), field), .name("output_\(index)"))
      }
      failure(
        &writer, .binary(run(.binary(size, "-", .unsigned(1))), "==", .name("UQ_OK")),
        "an arena that is too small was accepted", .integer(-1))
      guard !options.goldens.isEmpty else { return writer.returning(.integer(0)) }
      writer.variable("const unsigned char *const", "end", .binary(arena, "+", size))
      writer.loop("int", "sample", below: .name("SAMPLES")) { writer in
        let sample = CExpression.name("sample")
        writer.call("memset", [.name("memory"), .name("FILL"), .size(.name("memory"))])
        for (index, field) in inputFields.enumerated() {
          writer.assign(.member(.name("in"), field), .element(.name("input_\(index)"), sample))
        }
        failure(
          &writer, .binary(run(size), "!=", .name("UQ_OK")), "the run was refused", sample)
        for index in program.outputs.indices {
          failure(
            &writer,
            .binary(
              .call(
                "memcmp",
                [
                  .name("output_\(index)"), .element(.name("expected_\(index)"), sample),
                  .size(.name("output_\(index)")),
                ]), "!=", .integer(0)), "output \(index) differs", sample)
        }
        writer.loop("int", "i", below: .name("GUARD")) { writer in
          let before = CExpression.element(arena, .binary(.integer(-1), "-", .name("i")))
          let after = CExpression.element(.name("end"), .name("i"))
          failure(
            &writer,
            .binary(
              .binary(before, "!=", .name("FILL")), "||", .binary(after, "!=", .name("FILL"))),
            "memory outside of the arena was written", sample)
        }
      }
      writer.call(
        "printf",
        [.string("\(options.name): %d samples agree\n"), .cast("int", .name("SAMPLES"))])
      writer.returning(.integer(0))
    }
  }
}
