import UQGraph
import UQNumerics
import UQSupport

/// A network as a sequence of kernel calls on buffers and constants: what is simulated, planned,
/// generated and verified.
public struct KernelProgram: Sendable {
  /// Name of the model.
  public var name: String
  /// Memory that calls read and write.
  public var buffers: [ProgramBuffer] = []
  /// Arrays in flash.
  public var constants: [ProgramConstant] = []
  /// The calls in order.
  public var calls: [KernelCall] = []
  /// Inputs in the model's order; their buffers belong to the caller.
  public var inputs: [ProgramPort] = []
  /// Outputs in the model's order; their buffers belong to the caller.
  public var outputs: [ProgramPort] = []

  /// An empty program.
  public init(name: String) { self.name = name }

  /// The buffer with an id.
  public subscript(id: BufferID) -> ProgramBuffer {
    get { buffers[id.index] }
    set { buffers[id.index] = newValue }
  }

  /// The constant with an id.
  public subscript(id: ConstantID) -> ProgramConstant { constants[id.index] }

  /// Bytes of all weights in flash, as packed, with the factors of groups.
  public var weightBytes: Int {
    constants.reduce(0) { $0 + ($1.role.isWeights ? $1.bytes.count : 0) }
  }

  /// Multiply-accumulates of one inference.
  public var macs: Int { calls.reduce(0) { $0 + $1.macs } }
}

/// Memory that calls read and write.
public struct ProgramBuffer: Sendable, Hashable {
  /// Who owns the memory.
  public enum Kind: Sendable, Hashable {
    /// The caller; the model's input at the index.
    case input(Int)
    /// The caller; the model's output at the index.
    case output(Int)
    /// The arena, from the first call that writes it to the last that reads it.
    case activation
    /// The arena, for the one call that uses it.
    case scratch
  }

  /// Name of the value it holds, or of the call it serves.
  public var name: String
  /// Who owns the memory.
  public var kind: Kind
  /// Size.
  public var byteCount: Int
  /// Address is a multiple of this power of two.
  public var alignment: Int
  /// What it holds; `nil` for scratch.
  public var type: TensorType?

  /// Creates a buffer.
  public init(
    name: String, kind: Kind, byteCount: Int, alignment: Int = 4, type: TensorType? = nil
  ) {
    self.name = name
    self.kind = kind
    self.byteCount = byteCount
    self.alignment = alignment
    self.type = type
  }
}

/// An array in flash.
public struct ProgramConstant: Sendable, Hashable {
  /// What it is for, by which sizes are accounted.
  public enum Role: String, Sendable, Hashable, Codable {
    case weights, bias, scales, table
    /// Factors of groups of input channels: they grow with the weights and count as such.
    case groupScales = "group scales"

    /// Whether bytes count as those of weights.
    public var isWeights: Bool { self == .weights || self == .groupScales }
  }

  /// Name of the value or layer it belongs to, for the C identifier: `conv1 weights`.
  public var name: String
  /// What it is for.
  public var role: Role
  /// Type of the elements in C (`int8`, `uint8`, `int16`, `int32`).
  public var element: ElementType
  /// The elements, little-endian.
  public var bytes: [UInt8]
  /// Bits of a weight as packed; 8 for all else of one byte.
  public var bits: Int

  /// Creates an array from elements.
  public init<T: FixedWidthInteger & TensorElement>(
    name: String, role: Role, _ values: [T], bits: Int? = nil
  ) {
    self.name = name
    self.role = role
    element = T.elementType
    bytes = values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    self.bits = bits ?? T.bitWidth
  }

  /// Number of elements.
  public var count: Int { bytes.count / element.byteCount }
}

/// A kernel call and the layer it belongs to.
public struct KernelCall: Sendable {
  /// The call.
  public var kernel: any Kernel
  /// Name of the model's node.
  public var layer: String
  /// Operator of the node in the graph.
  public var operatorName: String
  /// Multiply-accumulates.
  public var macs: Int

  /// Creates a call.
  public init(kernel: any Kernel, layer: String, operatorName: String, macs: Int) {
    self.kernel = kernel
    self.layer = layer
    self.operatorName = operatorName
    self.macs = macs
  }
}

/// An input or output of a program.
public struct ProgramPort: Sendable, Hashable {
  /// The model's name for it.
  public var name: String
  /// Where it lies.
  public var buffer: BufferID
  /// Shape in the model's own layout, element type and quantization.
  public var type: TensorType

  /// Creates a port.
  public init(name: String, buffer: BufferID, type: TensorType) {
    self.name = name
    self.buffer = buffer
    self.type = type
  }
}

/// Where the arena's buffers lie.
public struct ArenaPlan: Sendable, Hashable {
  /// Offset of each arena buffer in bytes; `nil` for the caller's.
  public var offsets: [Int?]
  /// Size of the arena.
  public var byteCount: Int
  /// Alignment that the arena itself needs.
  public var alignment: Int
  /// Largest sum of live bytes at any call: no plan without overlap is smaller.
  public var lowerBound: Int

  /// Creates a plan.
  public init(offsets: [Int?], byteCount: Int, alignment: Int, lowerBound: Int) {
    self.offsets = offsets
    self.byteCount = byteCount
    self.alignment = alignment
    self.lowerBound = lowerBound
  }
}
