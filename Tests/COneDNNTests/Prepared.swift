import COneDNN

struct ShimFailure: Error { let status: Int32 }

/// Owns an engine and one op on it.
///
/// Unchecked because both are documented as shareable between threads.
final class Prepared: @unchecked Sendable {
  private let engine: OpaquePointer
  private let op: OpaquePointer

  init(_ create: (OpaquePointer, UnsafeMutablePointer<OpaquePointer?>) -> Int32) throws {
    guard let engine = uq_dnn_engine_create() else { throw ShimFailure(status: -1) }
    var op: OpaquePointer?
    let status = create(engine, &op)
    guard status == 0, let op else {
      uq_dnn_engine_destroy(engine)
      throw ShimFailure(status: status)
    }
    self.engine = engine
    self.op = op
  }

  deinit {
    uq_dnn_op_destroy(op)
    uq_dnn_engine_destroy(engine)
  }

  var weightBytes: UInt64 { uq_dnn_op_weight_bytes(op) }

  func run(_ src: [Float], pair: [Float]? = nil, count: Int) throws -> [Float] {
    var dst = [Float](repeating: .nan, count: count)
    let bytes = uq_dnn_op_scratch_bytes(op)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 1), alignment: 64)
    defer { scratch.deallocate() }
    let status =
      if let pair {
        uq_dnn_op_execute_pair(op, src, pair, &dst, scratch)
      } else {
        uq_dnn_op_execute(op, src, &dst, scratch)
      }
    guard status == 0 else { throw ShimFailure(status: status) }
    return dst
  }
}

/// The greatest difference, with a NaN on either side counted as infinite.
func distance(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { most, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}
