import CCalibration
import CProtobufC
import Foundation
import UQGraph
import UQNumerics
import UQSupport

/// Reads and writes `.uqcal` files (Schemas/calibration.proto).
public enum CalibrationFile {
  /// Version of the format.
  public static let version: UInt32 = 1

  /// Most samples that a calibration may count; more stay at this number.
  static let countLimit = 1 << 48
  /// No tensor of a file counts so many elements.
  static let countBound: UInt64 = 1 << 56

  /// The file's bytes.
  public static func encode(_ calibration: Calibration) -> Data {
    let arena = CArena()
    var message = Uq__Calibration__Calibration()
    uq__calibration__calibration__init(&message)
    message.version = version
    message.model_digest = arena.bytes(calibration.modelDigest.bytes)
    message.sample_count = UInt64(calibration.sampleCount)
    message.sample_limit = UInt64(calibration.samples.limit)
    message.sample_set = calibration.samples.set
    let tensors = calibration.tensors.map { tensor in
      var item = Uq__Calibration__TensorStatistics()
      uq__calibration__tensor_statistics__init(&item)
      item.name = arena.string(tensor.name)
      item.minimum = tensor.minimum
      item.maximum = tensor.maximum
      item.non_finite = tensor.nonFinite
      item.bin_exponent = Int32(tensor.binExponent)
      item.first_bin = Int64(tensor.firstBin)
      (item.counts, item.n_counts) = arena.array(tensor.counts)
      (item.channel_minimum, item.n_channel_minimum) = arena.array(tensor.channelMinimum)
      (item.channel_maximum, item.n_channel_maximum) = arena.array(tensor.channelMaximum)
      return arena.pointer(to: item)
    }
    let samples = calibration.samples.entries.map { entry in
      var item = Uq__Calibration__Sample()
      uq__calibration__sample__init(&item)
      item.key = entry.key
      (item.inputs, item.n_inputs) = arena.array(
        calibration.samples.parts(of: entry).map { arena.borrowed($0) })
      return arena.pointer(to: item)
    }
    (message.tensors, message.n_tensors) = arena.array(tensors.map(Optional.init))
    (message.samples, message.n_samples) = arena.array(samples.map(Optional.init))
    let size = uq__calibration__calibration__get_packed_size(&message)
    var data = Data(count: size)
    withExtendedLifetime(calibration) {
      data.withUnsafeMutableBytes { bytes in
        _ = uq__calibration__calibration__pack(
          &message, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
      }
    }
    return data
  }

  /// Reads a calibration of a graph's model.
  ///
  /// - Parameter inputs: shapes of the graph's inputs, which the kept samples must have.
  /// - Throws: `calibration.file.*`.
  public static func decode(_ data: Data, path: String, inputs: [Shape]) throws(Diagnostic)
    -> Calibration
  {
    let problem = { (id: String, text: String) in
      Diagnostic(id: "calibration.file.\(id)", text, at: SourcePlace(file: path))
    }
    let unpacked = data.withUnsafeBytes { bytes in
      !hasSoundCounts(bytes)
        ? nil
        : uq__calibration__calibration__unpack(
          nil, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    guard let message = unpacked else {
      throw problem("malformed", "not a calibration file, or damaged; run `uq calibrate` again")
    }
    defer { uq__calibration__calibration__free_unpacked(message, nil) }
    let file = message.pointee
    guard file.version == version else {
      throw problem(
        "version", "has format version \(file.version), this uq reads version \(version)")
    }
    let digest = Digest(
      bytes: Array(UnsafeBufferPointer(start: file.model_digest.data, count: file.model_digest.len))
    )
    guard let digest, file.sample_count > 0, file.sample_count <= countLimit,
      file.sample_limit < 1 << 48
    else { throw problem("malformed", "has no sound header; run `uq calibrate` again") }

    var tensors: [TensorStatistics] = []
    for item in UnsafeBufferPointer(start: file.tensors, count: file.n_tensors) {
      guard let item = item?.pointee, let tensor = statistics(item) else {
        throw problem("statistics", "holds unsound statistics; run `uq calibrate` again")
      }
      tensors.append(tensor)
    }
    for (a, b) in zip(tensors, tensors.dropFirst())
    where !a.name.utf8.lexicographicallyPrecedes(b.name.utf8) {
      throw problem("order", "tensors are not in order; run `uq calibrate` again")
    }
    var samples = SampleReservoir(
      limit: Int(file.sample_limit), shapes: inputs, set: file.sample_set)
    for item in UnsafeBufferPointer(start: file.samples, count: file.n_samples) {
      guard let item = item?.pointee, item.n_inputs == inputs.count else {
        throw problem("samples", "keeps samples that do not fit the model's inputs")
      }
      var sample: [Tensor] = []
      for (bytes, shape) in zip(
        UnsafeBufferPointer(start: item.inputs, count: item.n_inputs), inputs)
      {
        let bytes = UnsafeRawBufferPointer(start: bytes.data, count: bytes.len)
        guard let tensor = PackedTensor.unpack(bytes, shape) else {
          throw problem("samples", "keeps samples that do not fit the model's inputs")
        }
        sample.append(tensor)
      }
      guard SampleReservoir.key(sample) == item.key else {
        throw problem("samples", "keeps a damaged sample; run `uq calibrate` again")
      }
      samples.keep(item.key, sample)
    }
    return Calibration(
      modelDigest: digest, sampleCount: Int(file.sample_count), tensors: tensors,
      samples: samples)
  }

  /// Whether tensors and samples are no more than any model has: unpacking allocates a structure for each,
  /// many times the two bytes that an empty one takes in the file.
  private static func hasSoundCounts(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var reader = WireReader(bytes)
    var tensors = 0
    var samples = 0
    while let field = reader.nextField() {
      if field == 4 { tensors += 1 }
      if field == 5 { samples += 1 }
    }
    return tensors <= 1 << 16 && samples <= 1 << 20
  }

  /// Sound statistics, or `nil`: finite ordered range, and bins that cover exactly that range.
  private static func statistics(_ item: Uq__Calibration__TensorStatistics) -> TensorStatistics? {
    guard let name = item.name.flatMap({ String(validatingCString: $0) }),
      item.minimum.isFinite, item.maximum.isFinite, item.minimum <= item.maximum,
      (-160...128).contains(item.bin_exponent), item.n_counts <= ActivationHistogram.binLimit,
      item.first_bin.magnitude <= 1 << 20, item.non_finite < UInt64(countLimit),
      item.n_channel_minimum == item.n_channel_maximum
    else { return nil }
    let result = TensorStatistics(
      name: name, minimum: item.minimum, maximum: item.maximum, nonFinite: item.non_finite,
      binExponent: Int(item.bin_exponent), firstBin: Int(item.first_bin),
      counts: Array(UnsafeBufferPointer(start: item.counts, count: item.n_counts)),
      channelMinimum: Array(
        UnsafeBufferPointer(start: item.channel_minimum, count: item.n_channel_minimum)),
      channelMaximum: Array(
        UnsafeBufferPointer(start: item.channel_maximum, count: item.n_channel_maximum)))
    if result.counts.isEmpty { return result.minimum == 0 && result.maximum == 0 ? result : nil }
    let exponent = ActivationHistogram.exponent(covering: item.minimum, item.maximum)
    let first = (Double(item.minimum) / result.binWidth).rounded(.down)
    let last = (Double(item.maximum) / result.binWidth).rounded(.down)
    guard result.binExponent == exponent, first == Double(result.firstBin),
      last == Double(result.firstBin + result.counts.count - 1),
      result.counts.reduce(into: UInt64(0), { $0 = min($0 &+ min($1, countBound), countBound) })
        < countBound
    else { return nil }
    return result
  }
}

/// Steps over the fields of a protobuf message.
private struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Number of the next field, whose value is skipped; `nil` at the end or where the message is damaged,
  /// which unpacking reports.
  mutating func nextField() -> UInt64? {
    guard let tag = varint() else { return nil }
    switch tag & 7 {
    case 0: if varint() == nil { return nil }
    case 1: offset += 8
    case 2:
      guard let length = varint(), length <= UInt64(bytes.count - offset) else { return nil }
      offset += Int(length)
    case 5: offset += 4
    default: return nil
    }
    return tag >> 3
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard offset < bytes.count else { return nil }
      let byte = bytes[offset]
      offset += 1
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
    }
    return nil
  }
}

/// Memory for messages that are being packed.
private final class CArena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  func array<T>(_ values: [T]) -> (UnsafeMutablePointer<T>?, Int) {
    guard !values.isEmpty else { return (nil, 0) }
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: values.count)
    pointer.initialize(from: values, count: values.count)
    blocks.append(UnsafeMutableRawPointer(pointer))
    return (pointer, values.count)
  }

  func pointer<T>(to value: T) -> UnsafeMutablePointer<T> {
    let pointer = UnsafeMutablePointer<T>.allocate(capacity: 1)
    pointer.initialize(to: value)
    blocks.append(UnsafeMutableRawPointer(pointer))
    return pointer
  }

  func bytes(_ values: [UInt8]) -> ProtobufCBinaryData {
    let (data, count) = array(values)
    return ProtobufCBinaryData(len: count, data: data)
  }

  /// Memory that outlives the message, as it is.
  func borrowed(_ bytes: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
    ProtobufCBinaryData(
      len: bytes.count,
      data: UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)))
  }

  func string(_ text: String) -> UnsafeMutablePointer<CChar>? {
    array(text.utf8CString.map { $0 }).0
  }
}
