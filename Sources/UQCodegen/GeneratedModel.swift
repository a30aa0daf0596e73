import UQGraph
import UQKernels
import UQNumerics
import UQSupport

/// A program, its plan and the C identifiers that all generated files agree on.
struct GeneratedModel {
  let program: KernelProgram
  let plan: ArenaPlan
  let options: CodegenOptions
  /// `uq_kws`.
  let prefix: String
  /// `UQ_KWS`.
  let macro: String
  /// Fields of the input structure, in the model's order.
  let inputFields: [String]
  /// Fields of the output structure, in the model's order.
  let outputFields: [String]
  /// Global name of each constant.
  let constantNames: [String]
  /// Name of the pointer to each arena buffer within the function; `nil` for the caller's.
  let bufferNames: [String?]
  /// For each call, the name of each parameter structure by the argument's position.
  let structureNames: [[Int: String]]
  /// First and last call that uses each buffer; `nil` for unused ones.
  let spans: [ClosedRange<Int>?]

  /// Checks the program and names everything.
  ///
  /// - Throws: `codegen.name.invalid`, `codegen.inputs.none`, `codegen.outputs.none`,
  ///   `codegen.port.type`, `codegen.port.empty`, `codegen.plan.mismatch`, `codegen.golden.size`,
  ///   `codegen.call.argument`.
  init(_ program: KernelProgram, _ plan: ArenaPlan, _ options: CodegenOptions) throws(Diagnostic) {
    self.program = program
    self.plan = plan
    self.options = options
    prefix = "uq_\(options.name)"
    macro = prefix.uppercased()
    try Self.validate(program, plan, options)

    func fields(_ ports: [ProgramPort], _ fallback: String) -> [String] {
      var scope = CIdentifierScope()
      return ports.map { scope.identifier(for: $0.name, fallback: fallback) }
    }
    inputFields = fields(program.inputs, "input")
    outputFields = fields(program.outputs, "output")

    var globals = CIdentifierScope(
      reserved: ["run", "inputs", "outputs"].map { "uq_\(options.name)_\($0)" }
        + program.calls.flatMap { Self.functions($0.kernel) })
    constantNames = program.constants.map {
      globals.identifier(for: $0.name, prefix: "uq_\(options.name)_", fallback: "constant")
    }

    var spans = [ClosedRange<Int>?](repeating: nil, count: program.buffers.count)
    for (index, call) in program.calls.enumerated() {
      for id in call.kernel.reads + call.kernel.writes + call.kernel.scratch {
        spans[id.index] = (spans[id.index]?.lowerBound ?? index)...index
      }
    }
    self.spans = spans

    var locals = CIdentifierScope(
      reserved: constantNames + program.calls.flatMap { Self.functions($0.kernel) })
    var bufferNames = [String?](repeating: nil, count: program.buffers.count)
    for (index, buffer) in program.buffers.enumerated()
    where plan.offsets[index] != nil && spans[index] != nil {
      bufferNames[index] = locals.identifier(
        for: buffer.name, fallback: buffer.kind == .scratch ? "scratch" : "value")
    }
    self.bufferNames = bufferNames
    structureNames = program.calls.map { call in
      var names: [Int: String] = [:]
      for (position, argument) in call.kernel.arguments.enumerated() {
        guard case .structure(let type, _) = argument else { continue }
        let kind = type == "uq_tiling" ? "tiling" : "params"
        names[position] = locals.identifier(for: "\(call.layer) \(kind)", fallback: kind)
      }
      return names
    }
  }

  /// The functions of the runtime that a call names.
  private static func functions(_ kernel: any Kernel) -> [String] {
    [kernel.symbol] + (kernel.callee.map { [$0.symbol] } ?? [])
  }

  /// Product of a port's extents.
  static func elements(_ port: ProgramPort) -> Int { port.type.shape.count }

  /// Type of an element in C; `nil` for types that generated code does not have.
  static func cType(_ element: ElementType) -> String? {
    switch element {
    case .int8: "int8_t"
    case .int16: "int16_t"
    case .int32: "int32_t"
    case .int64: "int64_t"
    case .uint8, .bool: "uint8_t"
    case .uint16: "uint16_t"
    case .uint32: "uint32_t"
    case .uint64: "uint64_t"
    case .float64, .float32, .float16, .bfloat16: nil
    }
  }

  /// Type of a pointer's target: the element's, or `void` where a buffer has no type.
  static func cType(_ buffer: ProgramBuffer) -> String {
    buffer.type.flatMap { cType($0.element) } ?? "void"
  }

  /// A port's scale and zero point; 1 and 0 for plain integers.
  static func quantization(_ port: ProgramPort) -> (scale: Double, zeroPoint: Int) {
    guard let quantization = port.type.quantization, let scale = quantization.scales.first else {
      return (1, 0)
    }
    return (scale, quantization.zeroPoint)
  }

  /// A name of the model for comments: at most 120 characters.
  static func shown(_ name: String) -> String {
    let start = name.unicodeScalars.prefix(121)
    if start.count <= 120 { return name.isEmpty ? "(unnamed)" : name }
    return String(String.UnicodeScalarView(start.prefix(117))) + "..."
  }

  /// The integers of an array of little-endian elements.
  static func integers(_ bytes: [UInt8], _ element: ElementType) -> [Int] {
    let width = element.byteCount
    let isSigned: Bool
    switch element {
    case .int8, .int16, .int32, .int64: isSigned = true
    default: isSigned = false
    }
    var result: [Int] = []
    result.reserveCapacity(bytes.count / width)
    var position = 0
    while position + width <= bytes.count {
      var value: UInt64 = 0
      for offset in 0..<width { value |= UInt64(bytes[position + offset]) << (8 * offset) }
      if isSigned, width < 8 {
        let shift = 64 - 8 * width
        result.append(Int(Int64(bitPattern: value << shift) >> shift))
      } else {
        result.append(Int(truncatingIfNeeded: value))
      }
      position += width
    }
    return result
  }

  private static func validate(
    _ program: KernelProgram, _ plan: ArenaPlan, _ options: CodegenOptions
  ) throws(Diagnostic) {
    guard CodegenOptions.isValidName(options.name) else {
      throw Diagnostic(
        id: "codegen.name.invalid",
        "'\(options.name)' cannot name C symbols: use --name with up to 32 of a-z, 0-9 and _")
    }
    guard !program.inputs.isEmpty else {
      throw Diagnostic(
        id: "codegen.inputs.none", "the model has no inputs: its outputs are constant")
    }
    guard !program.outputs.isEmpty else {
      throw Diagnostic(id: "codegen.outputs.none", "the model has no outputs")
    }
    for port in program.inputs + program.outputs {
      guard cType(port.type.element) != nil else {
        throw Diagnostic(
          id: "codegen.port.type", "'\(port.name)' is \(port.type); only integers can be exported")
      }
      guard port.type.shape.count > 0 else {
        throw Diagnostic(id: "codegen.port.empty", "'\(port.name)' has no elements: \(port.type)")
      }
    }
    guard plan.offsets.count == program.buffers.count, plan.byteCount > 0, plan.alignment > 0 else {
      throw Diagnostic(
        id: "codegen.plan.mismatch", "the plan is not one for '\(program.name)'")
    }
    for golden in options.goldens {
      let sizes = golden.inputs.map(\.count) + golden.outputs.map(\.count)
      let expected = (program.inputs + program.outputs).map(\.type.byteCount)
      guard golden.inputs.count == program.inputs.count, sizes == expected else {
        throw Diagnostic(
          id: "codegen.golden.size", "golden vectors have \(sizes) bytes instead of \(expected)")
      }
    }
    try validateCalls(program, plan)
  }

  private static func validateCalls(_ program: KernelProgram, _ plan: ArenaPlan) throws(Diagnostic)
  {
    for call in program.calls {
      let place = SourcePlace(node: call.layer, operatorName: call.operatorName)
      for argument in call.kernel.arguments {
        switch argument {
        case .read(let id), .write(let id), .scratch(let id):
          guard program.buffers.indices.contains(id.index) else {
            throw Diagnostic(
              id: "codegen.call.argument", "\(call.kernel.symbol) uses a buffer that is none",
              at: place)
          }
          if case .activation = program[id].kind, plan.offsets[id.index] == nil,
            program[id].byteCount > 0
          {
            throw Diagnostic(
              id: "codegen.plan.mismatch", "'\(program[id].name)' has no place in the arena",
              at: place)
          }
        case .constant(let id):
          guard program.constants.indices.contains(id.index) else {
            throw Diagnostic(
              id: "codegen.call.argument", "\(call.kernel.symbol) uses a constant that is none",
              at: place)
          }
        case .integer, .null, .function, .structure: break
        }
      }
    }
  }
}
