import UQKernels
import UQNumerics

extension GeneratedModel {
  /// `uq_NAME.c`.
  func modelFile() -> CWriter {
    var writer = CWriter()
    writer.comment(introduction("The model '\(options.name)': its layers as calls of kernels."))
    writer.include("\(prefix).h")
    if !program.constants.isEmpty { writer.include("\(prefix)_weights.h") }
    let headers = Set(program.calls.map(\.kernel.header)).sorted()
    if !headers.isEmpty { writer.blank() }
    for header in headers { writer.include(header) }
    let placed = placedBuffers
    if !placed.isEmpty {
      writer.blank()
      arenaMap(&writer, placed)
    }
    parameterStructures(&writer)
    writer.blank()
    writer.function("uq_status", "\(prefix)_run", runParameters) { writer in
      checks(&writer)
      if !placed.isEmpty {
        writer.blank()
        pointers(&writer, placed)
      }
      for index in program.calls.indices {
        writer.blank()
        call(&writer, index)
      }
      writer.blank()
      writer.returning(.name("UQ_OK"))
    }
    return writer
  }

  /// Used arena buffers by offset, then first use.
  var placedBuffers: [(index: Int, offset: Int, name: String, span: ClosedRange<Int>)] {
    program.buffers.indices.compactMap { index in
      guard let offset = plan.offsets[index], let name = bufferNames[index],
        let span = spans[index]
      else { return nil }
      return (index, offset, name, span)
    }
    .sorted {
      ($0.offset, $0.span.lowerBound, $0.index) < ($1.offset, $1.span.lowerBound, $1.index)
    }
  }

  private func arenaMap(
    _ writer: inout CWriter,
    _ placed: [(index: Int, offset: Int, name: String, span: ClosedRange<Int>)]
  ) {
    func right(_ value: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - value.utf8.count)) + value
    }
    var rows = [right("offset", 8) + right("bytes", 9) + right("calls", 12) + "  name"]
    for item in placed {
      let calls = "\(item.span.lowerBound)-\(item.span.upperBound)"
      rows.append(
        right("\(item.offset)", 8) + right("\(program.buffers[item.index].byteCount)", 9)
          + right(calls, 12) + "  \(item.name)")
    }
    writer.table(
      "The arena: what lies where from which call to which, counted from 0. \(plan.byteCount) bytes "
        + "in all; no plan can need less than \(plan.lowerBound).", rows)
    writer.enumeration(placed.map { ("OFFSET_\($0.name.uppercased())", $0.offset) })
  }

  private func parameterStructures(_ writer: inout CWriter) {
    for (index, call) in program.calls.enumerated() {
      for (position, argument) in call.kernel.arguments.enumerated() {
        guard case .structure(let type, let fields) = argument,
          let name = structureNames[index][position]
        else { continue }
        writer.blank()
        writer.structure(
          "static const \(type)", name, fields: fields.map { ($0.name, $0.values, $0.isArray) })
      }
    }
  }

  private func checks(_ writer: inout CWriter) {
    func refuse(_ conditions: [CExpression], _ status: String) {
      writer.when(any: conditions) { $0.returning(.name(status)) }
    }
    let null = CExpression.name("NULL")
    refuse([.binary(.name("arena"), "==", null)], "UQ_ERROR_ARENA_NULL")
    refuse(
      [.binary(.name("arena_bytes"), "<", .name("\(macro)_ARENA_BYTES"))], "UQ_ERROR_ARENA_SIZE")
    if plan.alignment > 1 {
      refuse(
        [
          .binary(
            .binary(
              .cast("uintptr_t", .name("arena")), "%", .name("\(macro)_ARENA_ALIGN")), "!=",
            .unsigned(0))
        ], "UQ_ERROR_ARENA_ALIGNMENT")
    }
    let pointers: [CExpression] =
      [.name("in"), .name("out")] + inputFields.map { .arrow(.name("in"), $0) }
      + outputFields.map { .arrow(.name("out"), $0) }
    refuse(pointers.map { .binary($0, "==", null) }, "UQ_ERROR_ARGUMENT")
  }

  private func pointers(
    _ writer: inout CWriter,
    _ placed: [(index: Int, offset: Int, name: String, span: ClosedRange<Int>)]
  ) {
    writer.variable("unsigned char *const", "base", .name("arena"))
    for item in placed {
      // By way of void, the cast says that the address is aligned, which the offsets guarantee.
      writer.variable(
        "\(Self.cType(program.buffers[item.index])) *const", item.name,
        .cast(
          "void *", .binary(.name("base"), "+", .name("OFFSET_\(item.name.uppercased())"))))
    }
  }

  private func call(_ writer: inout CWriter, _ index: Int) {
    let call = program.calls[index]
    let macs = call.macs > 0 ? ", \(call.macs) multiply-accumulates" : ""
    writer.comment("\(index): \(Self.shown(call.layer)) (\(Self.shown(call.operatorName))\(macs))")
    writer.call(
      call.kernel.symbol,
      call.kernel.arguments.enumerated().map { position, argument in
        expression(argument, structureNames[index][position])
      })
  }

  private func expression(_ argument: CArgument, _ structure: String?) -> CExpression {
    switch argument {
    case .read(let id), .write(let id), .scratch(let id):
      switch program[id].kind {
      case .input(let port) where inputFields.indices.contains(port):
        .arrow(.name("in"), inputFields[port])
      case .output(let port) where outputFields.indices.contains(port):
        .arrow(.name("out"), outputFields[port])
      default: .name(bufferNames[id.index] ?? "arena")
      }
    case .constant(let id): .name(constantNames[id.index])
    case .integer(let value): .integer(value)
    case .null: .name("NULL")
    case .function(let name): .name(name)
    case .structure: .address(.name(structure ?? "params"))
    }
  }
}
