/// Element type, shape and, once quantized, what the integers mean.
public struct TensorType: Hashable, Codable, Sendable, CustomStringConvertible {
  /// Type of the elements in memory; `int8` for all weights of 8 bits and fewer before packing.
  public var element: ElementType
  /// Extents.
  public var shape: Shape
  /// What the integers mean; `nil` for floating-point and plain integer tensors.
  public var quantization: Quantization?

  /// Creates a type.
  public init(_ element: ElementType, _ shape: Shape, quantization: Quantization? = nil) {
    self.element = element
    self.shape = shape
    self.quantization = quantization
  }

  /// Bytes of a dense tensor of the type, before packing.
  public var byteCount: Int { shape.count * element.byteCount }

  /// `float32[1, 49, 10, 1]`.
  public var description: String { "\(element.name)\(shape)" }
}
