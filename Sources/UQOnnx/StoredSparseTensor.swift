import COnnx
import UQNumerics
import UQSupport

/// A sparse tensor as the file has it; made dense when something uses it.
struct StoredSparseTensor {
  /// The message.
  let proto: UnsafePointer<Onnx__SparseTensorProto>
  /// Keeps the message alive.
  let owner: AnyObject
  /// Where its elements are if not in the message.
  let external: ExternalData

  /// Largest dense form in bytes: a few bytes in the file can claim any extents.
  static let largest = 1 << 26

  /// The elements that are not zero.
  var values: StoredTensor? { proto.pointee.values.map { stored($0) } }
  /// The name, which the values carry.
  var name: String { values?.name ?? "" }

  /// The dense tensor.
  ///
  /// - Throws: `onnx.tensor.sparse` where indices are out of range, repeated or do not match the
  ///   values, `onnx.tensor.size`, and what ``StoredTensor/tensor()`` throws.
  func tensor() throws(Diagnostic) -> Tensor {
    guard let values = try values?.tensor() else { throw unsound("has no values") }
    let indices: Tensor
    if let indicesProto = proto.pointee.indices {
      indices = try stored(indicesProto).tensor()
    } else {
      indices = Tensor([Int64](), [0])
    }
    let dims = UnsafeBufferPointer(start: proto.pointee.dims, count: proto.pointee.n_dims)
    let shape = try soundShape(dims.map(Int.init), of: "sparse tensor '\(name)'")
    let width = values.element.byteCount
    guard shape.count * width <= Self.largest else {
      throw Diagnostic(
        id: "onnx.tensor.size",
        "sparse tensor '\(name)' takes \(shape.count * width) bytes when "
          + "dense, at most \(Self.largest) are made; store it as a dense tensor")
    }
    guard values.shape.rank == 1, indices.element == .int64 else {
      throw unsound("needs values of one axis and int64 indices")
    }
    let positions = try positions(indices, count: values.count, shape)
    guard Set(positions).count == positions.count else { throw unsound("repeats an index") }
    var result = Tensor(zeros: values.element, shape)
    result.withUnsafeMutableBytes { target in
      values.withUnsafeBytes { source in
        for (index, position) in positions.enumerated() {
          let element = UnsafeRawBufferPointer(
            rebasing: source[(index * width)..<((index + 1) * width)])
          UnsafeMutableRawBufferPointer(
            rebasing: target[(position * width)..<((position + 1) * width)]
          ).copyMemory(from: element)
        }
      }
    }
    return result
  }

  private func positions(_ indices: Tensor, count: Int, _ shape: Shape) throws(Diagnostic)
    -> [Int]
  {
    let numbers = indices.integers
    if indices.shape.dimensions == [count] {
      guard numbers.allSatisfy({ $0 >= 0 && $0 < shape.count }) else {
        throw unsound("has an index out of range")
      }
      return numbers
    }
    guard indices.shape.dimensions == [count, shape.rank] else {
      throw unsound("has \(count) values and indices of shape \(indices.shape)")
    }
    let strides = shape.strides
    var result: [Int] = []
    for row in 0..<count {
      var position = 0
      for axis in 0..<shape.rank {
        let index = numbers[row * shape.rank + axis]
        guard index >= 0, index < shape[axis] else { throw unsound("has an index out of range") }
        position += index * strides[axis]
      }
      result.append(position)
    }
    return result
  }

  private func stored(_ proto: UnsafeMutablePointer<Onnx__TensorProto>) -> StoredTensor {
    StoredTensor(proto: UnsafePointer(proto), owner: owner, external: external)
  }

  private func unsound(_ text: String) -> Diagnostic {
    Diagnostic(id: "onnx.tensor.sparse", "sparse tensor '\(name)' \(text)")
  }
}
