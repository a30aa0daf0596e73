import UQKernels
import UQNumerics

extension GeneratedModel {
  /// `uq_NAME_weights.h`: declarations of the constants.
  func weightsHeader() -> CWriter {
    var writer = CWriter()
    writer.comment(introduction("The constants of the model '\(options.name)'."))
    writer.guarded("\(macro)_WEIGHTS_H") { writer in
      writer.include(system: "stdint.h")
      writer.blank()
      writer.comment(
        "Qualifiers of the arrays; define it before this line to place them in a section of your "
          + "own.")
      writer.conditional("#ifndef \(macro)_CONST") { writer in
        writer.conditional(
          "#if defined(__GNUC__)",
          { $0.define("\(macro)_CONST", tokens: "const __attribute__((aligned(4)))") },
          otherwise: { $0.define("\(macro)_CONST", tokens: "const") })
      }
      for (constant, name) in zip(program.constants, constantNames) {
        writer.blank()
        let packing = constant.role == .weights ? " of \(constant.bits) bits" : ""
        writer.comment(
          "\(Self.shown(constant.name)): \(constant.role.rawValue)\(packing), "
            + "\(constant.bytes.count) bytes.")
        writer.array(
          "extern \(macro)_CONST \(Self.cType(constant))", name,
          extents: [.integer(max(1, constant.count))])
      }
    }
    return writer
  }

  /// `uq_NAME_weights.c`: definitions of the constants.
  func weightsFile() -> CWriter {
    var writer = CWriter()
    writer.comment(introduction("The constants of the model '\(options.name)'."))
    writer.include("\(prefix)_weights.h")
    for (constant, name) in zip(program.constants, constantNames) {
      let values = Self.integers(constant.bytes, constant.element)
      writer.blank()
      writer.array(
        "\(macro)_CONST \(Self.cType(constant))", name, count: max(1, values.count),
        values.isEmpty ? [0] : values)
    }
    return writer
  }

  private static func cType(_ constant: ProgramConstant) -> String {
    cType(constant.element) ?? "uint8_t"
  }
}
