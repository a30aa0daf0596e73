/// The type of a tensor's elements.
public enum ElementType: String, Hashable, Codable, Sendable, CaseIterable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8
  case uint64, uint32, uint16, uint8
  case bool

  /// Size of one element in memory.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Whether the type is a binary floating-point type.
  public var isFloat: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }

  /// Whether the type is an integer type (`bool` is not).
  public var isInteger: Bool { !isFloat && self != .bool }

  /// Lower-case name as in the `.uqir` text form.
  public var name: String { rawValue }
}
