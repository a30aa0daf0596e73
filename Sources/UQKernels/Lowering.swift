import UQGraph
import UQNumerics
import UQSupport

/// An operator that becomes kernel calls once its values are quantized.
public protocol LowerableOperator: Operator {
  /// Adds the calls of `node` to the program.
  ///
  /// Operands and results carry their quantization; weights are `int8` tensors of the type's bits, biases
  /// `int32` at scale `input · weight` without the input's zero point folded in.
  ///
  /// - Throws: `lower.<operator>.<problem>` for a form that no kernel computes.
  func lower(_ node: Node, in context: inout LoweringContext) throws(Diagnostic)
}

/// How accumulators are brought to the output's scale; see Documentation/Arithmetic.md.
public enum Rounding: String, Sendable, Hashable, Codable, CaseIterable {
  /// `(acc · m + 2^(s−1)) >> s` in 64 bits.
  case single
  /// TFLite's doubling high multiplication followed by a rounding shift.
  case double
  /// `(acc + 2^(s−1)) >> s`: scales are powers of two.
  case shift
}

/// What operators lower into.
public struct LoweringContext: Sendable {
  /// The quantized graph.
  public let graph: Graph
  /// The program so far.
  public private(set) var program: KernelProgram
  /// How accumulators are brought to the output's scale.
  public let rounding: Rounding
  private var homes: [ValueID: BufferID] = [:]
  private var node: Node?

  /// Starts a program for a quantized graph.
  public init(graph: Graph, rounding: Rounding) {
    self.graph = graph
    self.rounding = rounding
    program = KernelProgram(name: graph.name)
    for (index, id) in graph.inputs.enumerated() {
      let buffer = addBuffer(for: id, kind: .input(index))
      program.inputs.append(
        ProgramPort(name: graph[id].name, buffer: buffer, type: graph[id].type))
    }
  }

  /// The type of a value, with its quantization.
  public func type(of id: ValueID) -> TensorType { graph.type(of: id) }

  /// The quantization of a value.
  ///
  /// - Throws: `lower.value.unquantized`.
  public func quantization(of id: ValueID) throws(Diagnostic) -> Quantization {
    guard let quantization = graph.type(of: id).quantization else {
      throw Diagnostic(
        id: "lower.value.unquantized", "'\(graph[id].name)' has no quantization", at: place)
    }
    return quantization
  }

  /// Where the node being lowered stands.
  public var place: SourcePlace {
    guard let node else { return SourcePlace() }
    return SourcePlace(node: node.name, operatorName: node.spec.name).within(node.place)
  }

  /// The buffer that holds a value: an existing one, or a new activation.
  public mutating func buffer(_ id: ValueID) -> BufferID {
    if let home = homes[id] { return home }
    if let constant = graph.constant(id) {
      preconditionFailure("constant \(graph[id].name) \(constant.type) has no buffer")
    }
    return addBuffer(for: id, kind: .activation)
  }

  /// The buffer that holds a value already; `nil` where nothing was lowered that makes it.
  public func home(of id: ValueID) -> BufferID? { homes[id] }

  /// Lets `result` live in the memory of `operand`: the node moves no data.
  public mutating func alias(_ result: ValueID, to operand: ValueID) {
    homes[result] = buffer(operand)
  }

  /// A new array in flash.
  public mutating func addConstant(_ constant: ProgramConstant) -> ConstantID {
    program.constants.append(constant)
    return ConstantID(program.constants.count - 1)
  }

  /// New scratch memory for one call; `nil` for no bytes.
  public mutating func addScratch(_ byteCount: Int, alignment: Int = 4) -> BufferID? {
    guard byteCount > 0 else { return nil }
    program.buffers.append(
      ProgramBuffer(
        name: "\(node?.name ?? "") scratch", kind: .scratch, byteCount: byteCount,
        alignment: alignment))
    return BufferID(program.buffers.count - 1)
  }

  /// New memory for an intermediate result between calls of one node.
  public mutating func addTemporary(_ type: TensorType, name: String) -> BufferID {
    program.buffers.append(
      ProgramBuffer(name: name, kind: .activation, byteCount: type.byteCount, type: type))
    return BufferID(program.buffers.count - 1)
  }

  /// Appends a call for the node being lowered.
  public mutating func emit(_ kernel: some Kernel, macs: Int = 0) {
    program.calls.append(
      KernelCall(
        kernel: kernel, layer: node?.name ?? "", operatorName: node?.spec.name ?? "", macs: macs))
  }

  /// Lowers one node.
  ///
  /// - Throws: `lower.operator.unsupported` where the operator has no kernels, or what it throws.
  public mutating func lower(_ node: Node) throws(Diagnostic) {
    self.node = node
    guard let op = node.op as? any LowerableOperator else {
      throw Diagnostic(
        id: "lower.operator.unsupported", "no integer kernel computes it", at: place)
    }
    do { try op.lower(node, in: &self) } catch { throw error.located(in: place) }
  }

  /// The program, with outputs bound; `copy` makes the call that copies one buffer to another.
  ///
  /// An output that aliases an input, a constant's copy or another output gets a copy of its own.
  public consuming func finish(
    copy: (_ from: BufferID, _ to: BufferID, _ byteCount: Int) -> any Kernel
  ) -> KernelProgram {
    for (index, id) in graph.outputs.enumerated() {
      let home = buffer(id)
      let type = graph[id].type
      let name = graph.outputNames[index]
      if program[home].kind == .activation, program[home].byteCount == type.byteCount {
        program[home].kind = .output(index)
        program.outputs.append(ProgramPort(name: name, buffer: home, type: type))
      } else {
        program.buffers.append(
          ProgramBuffer(
            name: name, kind: .output(index), byteCount: type.byteCount, type: type))
        let target = BufferID(program.buffers.count - 1)
        program.calls.append(
          KernelCall(
            kernel: copy(home, target, type.byteCount), layer: graph[id].name,
            operatorName: "copy", macs: 0))
        program.outputs.append(ProgramPort(name: name, buffer: target, type: type))
      }
    }
    return program
  }

  private mutating func addBuffer(for id: ValueID, kind: ProgramBuffer.Kind) -> BufferID {
    let type = graph.type(of: id)
    program.buffers.append(
      ProgramBuffer(
        name: graph[id].name, kind: kind, byteCount: type.byteCount,
        alignment: max(1, type.element.byteCount), type: type))
    let home = BufferID(program.buffers.count - 1)
    homes[id] = home
    return home
  }
}
