/// What a kernel reads: an activation, or a constant in flash.
public enum KernelOperand: Hashable, Sendable {
  case buffer(BufferID)
  case constant(ConstantID)

  /// The argument of the call.
  public var argument: CArgument {
    switch self {
    case .buffer(let id): .read(id)
    case .constant(let id): .constant(id)
    }
  }

  /// The buffer, unless it is a constant.
  public var buffer: BufferID? { if case .buffer(let id) = self { id } else { nil } }

  func pointer<T>(_ memory: ProgramMemory, as type: T.Type = T.self) -> UnsafePointer<T> {
    switch self {
    case .buffer(let id): UnsafePointer(memory.pointer(id, as: type))
    case .constant(let id): memory.pointer(id, as: type)
    }
  }
}
