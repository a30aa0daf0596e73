import UQKernels
import UQNumerics

/// What a program takes on a target, from the target's measured tables.
struct ProgramCost {
  let program: KernelProgram
  let target: Target?

  /// Bytes of flash of a call's own: its constants and parameters.
  func constantBytes(_ call: KernelCall) -> Int {
    let constants = call.kernel.constants.reduce(0) { $0 + padded(program[$1].bytes.count) }
    return constants + Self.parameterBytes(call.kernel)
  }

  /// Functions of the runtime that a call brings in.
  func code(_ call: KernelCall) -> Set<String> {
    Self.functions(call.kernel).reduce(into: []) {
      $0.formUnion(target?.code?.closure(of: $1) ?? [])
    }
  }

  /// Instructions of a call; 0 where the target's table does not have the kernel.
  ///
  /// A kernel that is handed another one takes what both take.
  func instructions(_ call: KernelCall) -> Int {
    let output = call.kernel.writes.reduce(0) { sum, id in
      sum + (program[id].type?.byteCount ?? program[id].byteCount)
    }
    return Self.functions(call.kernel).reduce(0) { sum, symbol in
      guard let kernel = target?.instructions?.kernels[symbol] else { return sum }
      return sum + Int((kernel.mac * Double(call.macs) + kernel.output * Double(output)).rounded())
    }
  }

  /// The functions that a call names.
  private static func functions(_ kernel: any Kernel) -> [String] {
    [kernel.symbol] + (kernel.callee.map { [$0.symbol] } ?? [])
  }

  /// Bytes that the arguments of a layer's calls take in the function that makes them.
  func argumentBytes(of layer: String) -> Int {
    let calls = program.calls.filter { $0.layer == layer }
    return (target?.code?.argument ?? 0) * calls.reduce(0) { $0 + $1.kernel.arguments.count }
  }

  /// Bytes of the function that makes the calls.
  var modelCodeBytes: Int {
    guard let code = target?.code else { return 0 }
    let arguments = program.calls.reduce(0) { $0 + $1.kernel.arguments.count }
    return code.base + code.call * program.calls.count + code.argument * arguments
  }

  /// Bytes of flash of the whole: constants, parameters and, where the target's is known, code.
  var flashBytes: Int {
    guard let table = target?.code else {
      return program.constants.reduce(0) { $0 + $1.bytes.count }
    }
    let constants = program.constants.reduce(0) { $0 + padded($1.bytes.count) }
    let parameters = program.calls.reduce(0) { $0 + Self.parameterBytes($1.kernel) }
    let functions = program.calls.reduce(into: Set<String>()) { $0.formUnion(code($1)) }
    return constants + parameters + modelCodeBytes
      + functions.reduce(0) { $0 + (table.functions[$1]?.bytes ?? 0) }
  }

  /// Instructions of one inference; `nil` where the target's table is missing, or has no kernels with scales
  /// for groups and the program does.
  var instructions: Int? {
    guard let table = target?.instructions,
      program.calls.allSatisfy({
        $0.kernel.groupSize == nil || table.kernels[$0.kernel.symbol] != nil
      })
    else { return nil }
    return program.calls.reduce(0) { $0 + instructions($1) }
  }

  /// Bytes of a constant array as the compiler places it.
  private func padded(_ bytes: Int) -> Int {
    let alignment = target?.alignment ?? 4
    return (bytes + alignment - 1) / alignment * alignment
  }

  /// All fields are of 32 bits.
  private static func parameterBytes(_ kernel: any Kernel) -> Int {
    kernel.arguments.reduce(0) { sum, argument in
      guard case .structure(_, let fields) = argument else { return sum }
      return sum + 4 * fields.reduce(0) { $0 + $1.values.count }
    }
  }
}

extension CompiledModel {
  /// Bytes of flash on a target, code included; `nil` where the target's code was not measured.
  public func flashBytes(on target: Target) -> Int? {
    target.code == nil ? nil : ProgramCost(program: program, target: target).flashBytes
  }

  /// Instructions of one inference on a target; `nil` where they were not measured.
  public func instructions(on target: Target) -> Int? {
    ProgramCost(program: program, target: target).instructions
  }
}
