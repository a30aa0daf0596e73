extension Tensor {
  /// The tensor with another element type.
  ///
  /// Float to integer truncates toward zero and saturates, NaN becomes 0; integer to integer wraps;
  /// to `bool` is "not zero"; float to a narrower float rounds to nearest even.
  public func converted(to target: ElementType) -> Tensor {
    if target == element { return self }
    if element.isFloat || target.isFloat {
      return Tensor(doubles: asDoubles(), target, shape)
    }
    return Tensor(wrapping: asInt64s(), target, shape)
  }

  /// The tensor as real numbers for a port of a type.
  ///
  /// For a port with integers of 8 bits, those of `int8` are its integers `q` and those of `uint8` are `q + 128`;
  /// both become `s · (q − z)`. Everything else is converted as it is.
  public func converted(for port: TensorType) -> Tensor {
    guard port.element.isFloat, let quantization = port.quantization, quantization.bits == 8,
      element == .int8 || element == .uint8
    else { return converted(to: port.element) }
    let offset = element == .uint8 ? 128 : 0
    return Tensor(
      doubles: asInt64s().map { quantization.dequantize(Int($0) - offset) }, port.element, shape)
  }

  private func asDoubles() -> [Double] {
    withUnsafeBytes { raw in
      switch element {
      case .float64: Array(raw.bindMemory(to: Double.self))
      case .float32: raw.bindMemory(to: Float.self).map(Double.init)
      case .float16: raw.bindMemory(to: UInt16.self).map { Double(float(half: $0)) }
      case .bfloat16:
        raw.bindMemory(to: UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
      case .uint64: raw.bindMemory(to: UInt64.self).map(Double.init)
      default: asInt64s().map(Double.init)
      }
    }
  }

  private func asInt64s() -> [Int64] {
    withUnsafeBytes { raw in
      switch element {
      case .int64: Array(raw.bindMemory(to: Int64.self))
      case .int32: raw.bindMemory(to: Int32.self).map(Int64.init)
      case .int16: raw.bindMemory(to: Int16.self).map(Int64.init)
      case .int8: raw.bindMemory(to: Int8.self).map(Int64.init)
      case .uint64: raw.bindMemory(to: UInt64.self).map { Int64(bitPattern: $0) }
      case .uint32: raw.bindMemory(to: UInt32.self).map(Int64.init)
      case .uint16: raw.bindMemory(to: UInt16.self).map(Int64.init)
      case .uint8: raw.bindMemory(to: UInt8.self).map(Int64.init)
      case .bool: raw.map { $0 == 0 ? 0 : 1 }
      case .float64, .float32, .float16, .bfloat16: asDoubles().map(saturated)
      }
    }
  }

  /// Converts `values`, truncating and saturating for integer types.
  public init(doubles values: [Double], _ target: ElementType, _ shape: Shape) {
    switch target {
    case .float64: self.init(values, shape)
    case .float32: self.init(values.map(Float.init), shape)
    case .float16: self.init(halves: values.map { half(float: Float($0)) }, .float16, shape)
    case .bfloat16: self.init(halves: values.map { bfloat(Float($0)) }, .bfloat16, shape)
    case .int64: self.init(values.map(saturated), shape)
    case .int32: self.init(values.map { Int32(clamping: saturated($0)) }, shape)
    case .int16: self.init(values.map { Int16(clamping: saturated($0)) }, shape)
    case .int8: self.init(values.map { Int8(clamping: saturated($0)) }, shape)
    case .uint64:
      self.init(
        values.map { $0 >= 0x1p64 ? UInt64.max : $0 > 0 ? UInt64($0) : 0 }, shape)
    case .uint32: self.init(values.map { UInt32(clamping: saturated($0)) }, shape)
    case .uint16: self.init(values.map { UInt16(clamping: saturated($0)) }, shape)
    case .uint8: self.init(values.map { UInt8(clamping: saturated($0)) }, shape)
    case .bool: self.init(values.map { $0 != 0 }, shape)
    }
  }

  /// Converts `values` modulo the width of the integer type.
  public init(wrapping values: [Int64], _ target: ElementType, _ shape: Shape) {
    switch target {
    case .int64: self.init(values, shape)
    case .int32: self.init(values.map { Int32(truncatingIfNeeded: $0) }, shape)
    case .int16: self.init(values.map { Int16(truncatingIfNeeded: $0) }, shape)
    case .int8: self.init(values.map { Int8(truncatingIfNeeded: $0) }, shape)
    case .uint64: self.init(values.map { UInt64(bitPattern: $0) }, shape)
    case .uint32: self.init(values.map { UInt32(truncatingIfNeeded: $0) }, shape)
    case .uint16: self.init(values.map { UInt16(truncatingIfNeeded: $0) }, shape)
    case .uint8: self.init(values.map { UInt8(truncatingIfNeeded: $0) }, shape)
    case .bool: self.init(values.map { $0 != 0 }, shape)
    case .float64, .float32, .float16, .bfloat16:
      self.init(doubles: values.map(Double.init), target, shape)
    }
  }

  private init(halves: [UInt16], _ target: ElementType, _ shape: Shape) {
    self.init(zeros: target, shape)
    withUnsafeMutableBytes { bytes in halves.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  }
}

private func saturated(_ x: Double) -> Int64 {
  if x.isNaN { return 0 }
  if x >= 0x1p63 { return .max }
  if x <= -0x1p63 { return .min }
  return Int64(x)
}

/// The value of an IEEE 754 binary16 bit pattern.
public func float(half bits: UInt16) -> Float {
  let sign: Float = bits & 0x8000 == 0 ? 1 : -1
  let exponent = Int(bits >> 10) & 31
  let fraction = Float(bits & 0x3FF)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default:
    return sign * (1 + fraction * 0x1p-10)
      * Float(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}

/// The binary16 bit pattern nearest to `value`, ties to even.
public func half(float value: Float) -> UInt16 {
  let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
  if value.isNaN { return sign | 0x7E00 }
  let magnitude = value.magnitude
  if magnitude >= 65520 { return sign | 0x7C00 }
  if magnitude < 0x1p-14 {
    return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
  }
  let bits = magnitude.bitPattern
  let rounded = bits &+ 0xFFF &+ ((bits >> 13) & 1)
  return sign | UInt16((rounded >> 13) &- (112 << 10))
}

private func bfloat(_ value: Float) -> UInt16 {
  if value.isNaN { return 0x7FC0 }
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}
