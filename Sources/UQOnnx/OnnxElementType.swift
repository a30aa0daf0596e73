import COnnx
import UQNumerics

/// `TensorProto.DataType`: what the elements of an ONNX tensor are.
public struct OnnxElementType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The number in the file.
  public var rawValue: Int

  /// Takes the number in the file.
  public init(rawValue: Int) { self.rawValue = rawValue }

  private static let names = [
    "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool",
    "float16", "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
    "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4", "int4",
    "float4e2m1", "float8e8m0", "uint2", "int2", "float6e2m3", "float6e3m2",
  ]

  /// Lower-case name: `float32`, `float8e4m3fn`.
  public var description: String {
    Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "type \(rawValue)"
  }

  /// The type of the format that holds elements of `element`.
  public init(_ element: ElementType) {
    rawValue = Self.names.firstIndex(of: element.name) ?? 0
  }

  /// The type that the elements are read as; `nil` where there is none.
  ///
  /// The integers of 4 and 2 bits become `int8` and `uint8`.
  public var element: ElementType? {
    switch bits {
    case 0: nil
    case 8...: ElementType(rawValue: description)
    default: isSignedSubByte ? .int8 : .uint8
    }
  }

  /// Bits of one element as stored; 0 for types that are not read.
  var bits: Int {
    switch rawValue {
    case 21, 22: 4
    case 25, 26: 2
    default: (ElementType(rawValue: description)?.byteCount ?? 0) * 8
    }
  }

  /// Whether the type is `int4` or `int2`.
  var isSignedSubByte: Bool { rawValue == 22 || rawValue == 26 }

  /// Text.
  static let string = OnnxElementType(rawValue: 8)

  /// Why the type is not read.
  var refusal: String {
    switch rawValue {
    case 0: "it has no element type"
    case 8: "text cannot be computed with"
    case 14, 15: "complex numbers are not supported"
    case 17...20, 23, 24, 27, 28:
      "\(self) is not supported; export the network in float32 or float16"
    case 21, 22, 25, 26: "\(self) is read in constants only"
    default: "element type \(rawValue) is not known"
    }
  }
}
