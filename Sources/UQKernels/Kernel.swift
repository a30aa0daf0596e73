import UQGraph
import UQNumerics
import UQSupport

/// A call of one function of the runtime, with all its arguments, as a value.
///
/// A struct per kernel, in the file of its family. ``run(_:)`` calls the linked C function, which is
/// what the simulator does; ``arguments`` are the same arguments for the code generator to print. Both
/// are made from the same stored properties.
public protocol Kernel: Sendable {
  /// The C function: `uq_conv2d_s8`.
  var symbol: String { get }
  /// The header that declares it: `uq_conv2d.h`.
  var header: String { get }
  /// The runtime source that defines it: `uq_conv2d.c`.
  var source: String { get }
  /// The arguments in order.
  var arguments: [CArgument] { get }
  /// Input channels that share a scale of the weights; `nil` where an output channel has one scale.
  var groupSize: Int? { get }
  /// The kernel that the call is handed as a function pointer.
  var callee: (any Kernel)? { get }
  /// A buffer that is read and one that is written which may start at the same address.
  var inPlace: (read: BufferID, write: BufferID)? { get }
  /// Calls the C function on host memory.
  func run(_ memory: ProgramMemory)
}

extension Kernel {
  /// One scale for an output channel.
  public var groupSize: Int? { nil }
  /// None.
  public var callee: (any Kernel)? { nil }
  /// Reads and writes must not overlap.
  public var inPlace: (read: BufferID, write: BufferID)? { nil }

  /// The buffers that the call reads.
  public var reads: [BufferID] {
    arguments.compactMap { if case .read(let b) = $0 { b } else { nil } }
  }
  /// The buffers that the call writes.
  public var writes: [BufferID] {
    arguments.compactMap { if case .write(let b) = $0 { b } else { nil } }
  }
  /// The buffers that the call uses as scratch memory.
  public var scratch: [BufferID] {
    arguments.compactMap { if case .scratch(let b) = $0 { b } else { nil } }
  }
  /// The constants that the call reads.
  public var constants: [ConstantID] {
    arguments.compactMap { if case .constant(let c) = $0 { c } else { nil } }
  }
}

/// An argument of a kernel call.
public enum CArgument: Sendable, Hashable {
  /// Pointer to a buffer that is read.
  case read(BufferID)
  /// Pointer to a buffer that is written.
  case write(BufferID)
  /// Pointer to a buffer whose content does not matter before and after.
  case scratch(BufferID)
  /// Pointer to a constant array.
  case constant(ConstantID)
  /// An integer.
  case integer(Int)
  /// A null pointer.
  case null
  /// Pointer to a function of the runtime.
  case function(String)
  /// Pointer to a constant structure with the given fields in order.
  case structure(type: String, fields: [CField])
}

/// A field of a parameter structure.
public struct CField: Sendable, Hashable {
  /// Name in C.
  public var name: String
  /// Its integers: one, or as many as the field's array has.
  public var values: [Int]
  /// Whether C declares it as an array, which is then initialised in braces.
  public var isArray: Bool

  /// A scalar field; `output.zero_point` names a field of a nested structure.
  public init(_ name: String, _ value: some BinaryInteger) {
    self.name = name
    values = [Int(value)]
    isArray = false
  }

  /// An array field.
  public init(_ name: String, array: [Int]) {
    self.name = name
    values = array
    isArray = true
  }
}

/// Names a buffer of a program.
public struct BufferID: Hashable, Comparable, Sendable {
  /// Position in ``KernelProgram/buffers``.
  public let index: Int
  /// Names the buffer at a position.
  public init(_ index: Int) { self.index = index }
  /// Orders by position.
  public static func < (a: BufferID, b: BufferID) -> Bool { a.index < b.index }
}

/// Names a constant of a program.
public struct ConstantID: Hashable, Comparable, Sendable {
  /// Position in ``KernelProgram/constants``.
  public let index: Int
  /// Names the constant at a position.
  public init(_ index: Int) { self.index = index }
  /// Orders by position.
  public static func < (a: ConstantID, b: ConstantID) -> Bool { a.index < b.index }
}

/// Host memory of a running program.
public struct ProgramMemory {
  private let buffers: UnsafePointer<UnsafeMutableRawPointer>
  private let constants: UnsafePointer<UnsafeRawPointer>

  /// Takes the addresses of the buffers and constants, in the program's order.
  public init(
    buffers: UnsafePointer<UnsafeMutableRawPointer>, constants: UnsafePointer<UnsafeRawPointer>
  ) {
    self.buffers = buffers
    self.constants = constants
  }

  /// Address of a buffer.
  public func pointer<T>(_ id: BufferID, as type: T.Type = T.self) -> UnsafeMutablePointer<T> {
    buffers[id.index].assumingMemoryBound(to: type)
  }

  /// Address of a buffer, or null.
  public func pointer<T>(_ id: BufferID?, as type: T.Type = T.self) -> UnsafeMutablePointer<T>? {
    id.map { buffers[$0.index].assumingMemoryBound(to: type) }
  }

  /// Address of a constant.
  public func pointer<T>(_ id: ConstantID, as type: T.Type = T.self) -> UnsafePointer<T> {
    constants[id.index].assumingMemoryBound(to: type)
  }

  /// Address of a constant, or null.
  public func pointer<T>(_ id: ConstantID?, as type: T.Type = T.self) -> UnsafePointer<T>? {
    id.map { constants[$0.index].assumingMemoryBound(to: type) }
  }
}
